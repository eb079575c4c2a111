//! The time limit for the head of a request, without a timer for each request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};

use hyper::rt::{Sleep, Timer};
use tokio::time::{Instant, sleep_until};

/// hyper's timer for the heads on one connection, which have one time limit.
///
/// hyper starts a timer whenever it waits for a head, and stops it when that has arrived.
/// Adding a timer to tokio's and removing it takes longer than reading the head. So the
/// deadline is only noted here, and [`late`](Self::late) looks at it once in that time.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadTimer(Arc<Mutex<Head>>);

#[derive(Clone, Copy, Debug, Default)]
enum Head {
    #[default]
    NotAwaited,
    AwaitedUntil(Instant),
    /// hyper learns it when the connection is polled.
    Late,
}

impl HeadTimer {
    /// Waits until a head is late. The connection has to be polled then.
    ///
    /// Nothing that begins after a look can be late before the next one, because `limit`
    /// is the limit for each head.
    pub(super) async fn late(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let next = match *self.head() {
                Head::AwaitedUntil(deadline) => deadline,
                Head::NotAwaited | Head::Late => now + limit,
            };
            if next <= now {
                *self.head() = Head::Late;
                return;
            }
            sleep_until(next).await;
        }
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        // No change is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: StdInstant) -> Pin<Box<dyn Sleep>> {
        let timer = self.clone();
        *timer.head() = Head::AwaitedUntil(deadline.into());
        Box::pin(Awaited(timer))
    }

    fn now(&self) -> StdInstant {
        Instant::now().into_std()
    }
}

/// The head that hyper waits for. It is polled with the connection alone.
#[derive(Debug)]
struct Awaited(HeadTimer);

impl Sleep for Awaited {}

impl Future for Awaited {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self.0.head() {
            Head::Late => Poll::Ready(()),
            Head::NotAwaited | Head::AwaitedUntil(_) => Poll::Pending,
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        *self.0.head() = Head::NotAwaited;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::{advance, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_head_is_late_at_its_own_deadline() {
        let timer = HeadTimer::default();
        let begin = Instant::now();
        let heads = async {
            advance(LIMIT / 2).await;
            let first = timer.sleep(LIMIT);
            advance(LIMIT - Duration::from_millis(1)).await;
            drop(first);
            Some(timer.sleep(LIMIT))
        };
        let late = timeout(LIMIT * 10, timer.late(LIMIT));
        let (second, late) = tokio::join!(heads, late);
        assert!(late.is_ok());
        let deadline = LIMIT / 2 + LIMIT * 2 - Duration::from_millis(1);
        assert_eq!(begin.elapsed(), deadline);
        let second = second.and_then(FutureExt::now_or_never);
        assert!(second.is_some(), "hyper learns it");
        let again = timeout(LIMIT * 10, timer.late(LIMIT)).await;
        assert!(again.is_err(), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_nobody_waits_for_is_never_late() {
        let timer = HeadTimer::default();
        drop(timer.sleep(LIMIT));
        assert!(timeout(LIMIT * 10, timer.late(LIMIT)).await.is_err());
        let mut next = timer.sleep(LIMIT);
        assert!(next.as_mut().now_or_never().is_none());
    }
}
