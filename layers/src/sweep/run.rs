use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Fate, SweepOptions, Sweeper};
use crate::pace::rest;
use crate::protocol::{Error, Task};
use crate::race::first;
use crate::store::Leftover;

impl Sweeper {
    /// Sweeps after each `interval`, or up to an hour later if a sweep takes more than a
    /// twentieth of it, until the [shutdown](Self::shutdown) begins. With
    /// [`Duration::ZERO`] it never does, and only looks.
    ///
    /// First it looks what is there, without removing anything, and logs one line with the
    /// number of leftovers and their bytes. Each sweep that has removed
    /// something logs the same, and what fails is a warning.
    ///
    /// Cancel safe: dropping the future ends the sweeps.
    pub async fn run(&self, options: &SweepOptions, interval: Duration) {
        let mut task = self.shutdown.task();
        first(begun(&mut task), self.sweep_for_ever(options, interval)).await;
    }

    async fn sweep_for_ever(&self, options: &SweepOptions, interval: Duration) {
        let look = options.clone().dry_run();
        let mut begun = Instant::now();
        let looked = self.look(&look).await;
        if interval.is_zero() || matches!(looked, Err(Error::NotImplemented)) {
            return;
        }
        loop {
            sleep(rest(interval, begun.elapsed())).await;
            begun = Instant::now();
            self.sweep_and_log(options).await;
        }
    }

    /// Logs what is there.
    async fn look(&self, options: &SweepOptions) -> Result<(), Error> {
        let report = self.sweep(options).await.inspect_err(complain)?;
        let (found, removable) = (report.found(), report.total());
        tracing::info!(
            leftovers = found.count,
            bytes = found.bytes,
            to_remove = removable.count,
            "LeftoversFound"
        );
        Ok(())
    }

    async fn sweep_and_log(&self, options: &SweepOptions) {
        let mut first_failure = None;
        let note = |leftover: &Leftover, fate: &Fate| {
            if let Fate::Failed(error) = fate {
                first_failure.get_or_insert_with(|| (leftover.name.clone(), error.clone()));
            }
        };
        let report = match self.sweep_each(options, note).await {
            Ok(report) => report,
            Err(error) => return complain(&error),
        };
        if let Some((name, error)) = first_failure {
            let failed = report.total_failed().count;
            let error = source(&error);
            tracing::warn!(failed, name, %error, "leftovers cannot be removed");
        }
        let removed = report.total();
        if removed.count > 0 {
            let (leftovers, bytes) = (removed.count, removed.bytes);
            tracing::info!(leftovers, bytes, "LeftoversRemoved");
        }
    }
}

async fn begun(task: &mut Task) {
    task.begun().await;
}

fn complain(error: &Error) {
    if !matches!(error, Error::NotImplemented) {
        let error = source(error);
        tracing::warn!(%error, "cannot look for leftovers");
    }
}

/// The reason behind an error, which says more than the error itself.
fn source(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
