//! The cases of a conformance suite.

use std::any::Any;
use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs cases one by one, each by its name, and in the end tells which have failed.
#[derive(Debug)]
pub(crate) struct Suite {
    name: &'static str,
    cases: usize,
    failures: Vec<(&'static str, String)>,
}

impl Suite {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            cases: 0,
            failures: Vec::new(),
        }
    }

    /// Runs a case. One that panics has failed, and the next one runs all the same.
    pub(crate) async fn case(&mut self, name: &'static str, case: impl Future<Output = ()>) {
        // Before it runs, so that a case that hangs has a name as well.
        eprintln!("{}: {name}", self.name);
        self.cases += 1;
        if let Err(message) = caught(case).await {
            self.failures.push((name, message));
        }
    }

    /// Panics if a case has failed, and names every one that has.
    pub(crate) fn finish(self) {
        if self.failures.is_empty() {
            return;
        }
        let mut report = format!(
            "{}: {} of {} cases failed",
            self.name,
            self.failures.len(),
            self.cases
        );
        for (name, message) in self.failures {
            let _ = write!(report, "\n  {name}: {message}");
        }
        panic!("{report}");
    }
}

/// Runs a future to its end, or returns the message with which it panicked.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    let caught = poll_fn(|cx| {
        // After a panic the future is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
    });
    caught.await.map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// Runs functions as cases of a suite, by their own names.
macro_rules! cases {
    ($suite:expr, $subject:expr; $($case:ident),* $(,)?) => {
        $($suite.case(stringify!($case), $case($subject)).await;)*
    };
}
pub(crate) use cases;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_case_runs_and_the_failed_ones_are_named() {
        let mut suite = Suite::new("a suite");
        suite.case("fails", async { panic!("by {}", 1) }).await;
        suite.case("succeeds", async {}).await;
        let waits = async {
            tokio::task::yield_now().await;
            assert_eq!(1, 2, "they differ");
        };
        suite.case("fails_later", waits).await;
        let panic = catch_unwind(AssertUnwindSafe(|| suite.finish())).unwrap_err();
        let report = message(&*panic);
        let begin = "a suite: 2 of 3 cases failed\n  fails: by 1\n  fails_later: assertion";
        assert!(report.starts_with(begin), "{report}");
        assert!(report.contains("they differ"), "{report}");
    }

    #[tokio::test]
    async fn a_suite_without_failures_is_silent() {
        let mut suite = Suite::new("a suite");
        suite.case("succeeds", async {}).await;
        suite.finish();
    }
}
