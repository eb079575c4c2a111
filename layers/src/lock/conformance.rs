//! A test suite that every [`Locker`] must pass.
//!
//! Call [`run`] in a test of your locker. The suite needs the feature
//! `conformance`, which is best enabled only for `dev-dependencies`.
//!
//! ```
//! use tower_tus_layers::lock::{MemoryLocker, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::run(MemoryLocker::default()).await;
//! # }
//! ```
//!
//! The name of each case is printed before the case runs. All cases run, and
//! the panic at the end lists those that have failed.

mod trying;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};
use crate::suite::{Suite, cases};

/// How long a case waits for something that must happen.
const LONG: Duration = Duration::from_secs(20);
/// How long a case waits to see that something does not happen.
const SHORT: Duration = Duration::from_millis(300);

/// Runs the whole suite, with random ids.
///
/// It needs tokio's timer, and takes a few seconds.
///
/// # Panics
///
/// If the locker fails a case; the message lists the failed cases.
pub async fn run(locker: impl Locker) {
    let locker = &(Arc::new(locker) as Arc<dyn Locker>);
    let mut suite = Suite::new("lock::conformance");
    cases!(suite, locker;
        a_lock_is_free_after_its_release,
        each_upload_has_its_own_lock,
        waiting_too_long_is_a_timeout,
        the_holder_is_asked_to_let_go_and_the_next_request_proceeds,
        dropping_a_guard_releases_it,
        a_request_that_stops_waiting_holds_nothing,
        one_request_at_a_time_holds_a_lock_and_all_proceed,
        an_observer_that_waits_too_long_gets_a_timeout,
        the_holder_is_asked_to_let_go_for_an_observer,
        an_observer_keeps_nobody_out_once_it_is_done,
        an_observer_that_stops_waiting_holds_nothing,
        a_request_that_terminates_waits_for_the_holder_and_releases,
        the_lock_of_a_new_upload_is_exclusive_in_its_process,
    );
    trying::run(&mut suite, locker).await;
    suite.finish();
}

async fn acquire(locker: &Arc<dyn Locker>, id: &UploadId) -> Box<dyn Guard> {
    let guard = locker.acquire(id, Interrupt::default(), LONG).await;
    guard.expect("the lock is granted")
}

async fn a_lock_is_free_after_its_release(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    for _ in 0..3 {
        acquire(locker, &id).await.release().await;
    }
}

async fn each_upload_has_its_own_lock(locker: &Arc<dyn Locker>) {
    let one = acquire(locker, &UploadId::random()).await;
    let other = acquire(locker, &UploadId::random()).await;
    one.release().await;
    other.release().await;
}

async fn waiting_too_long_is_a_timeout(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    let waited = locker.acquire(&id, Interrupt::default(), SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn the_holder_is_asked_to_let_go_and_the_next_request_proceeds(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let asked = Interrupt::default();
    let guard = locker
        .acquire(&id, asked.clone(), LONG)
        .await
        .expect("the lock is free");
    let early = timeout(SHORT, asked.fired()).await;
    assert!(
        early.is_err(),
        "the holder was interrupted although no request waits: {early:?}"
    );

    let newcomer = tokio::spawn({
        let (locker, id) = (Arc::clone(locker), id.clone());
        async move { acquire(&locker, &id).await }
    });
    let cause = timeout(LONG, asked.fired())
        .await
        .expect("the holder is interrupted");
    assert!(matches!(cause, Error::Interrupted), "{cause:?}");
    guard.release().await;
    let served = timeout(LONG, newcomer)
        .await
        .expect("the newer request gets the lock");
    served
        .expect("the newer request did not panic")
        .release()
        .await;
}

async fn an_observer_that_waits_too_long_gets_a_timeout(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    let waited = locker.observe(&id, Interrupt::default(), SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    guard.release().await;
    let observed = locker.observe(&id, Interrupt::default(), LONG).await;
    observed.expect("the lock is free").release().await;
}

async fn the_holder_is_asked_to_let_go_for_an_observer(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let asked = Interrupt::default();
    let guard = locker
        .acquire(&id, asked.clone(), LONG)
        .await
        .expect("the lock is free");
    let observing = tokio::spawn({
        let (locker, id) = (Arc::clone(locker), id.clone());
        async move { locker.observe(&id, Interrupt::default(), LONG).await }
    });
    let cause = timeout(LONG, asked.fired())
        .await
        .expect("the holder is interrupted");
    assert!(matches!(cause, Error::Interrupted), "{cause:?}");
    guard.release().await;
    let observed = observing.await.expect("the observer did not panic");
    observed.expect("the observer proceeds").release().await;
}

async fn an_observer_keeps_nobody_out_once_it_is_done(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    for _ in 0..2 {
        let observed = locker.observe(&id, Interrupt::default(), LONG).await;
        let observer = observed.expect("nobody holds the lock");
        // It may exclude others meanwhile, or not.
        observer.release().await;
        acquire(locker, &id).await.release().await;
        let observed = locker.observe(&id, Interrupt::default(), LONG).await;
        drop(observed.expect("nobody holds the lock"));
        acquire(locker, &id).await.release().await;
    }
}

async fn an_observer_that_stops_waiting_holds_nothing(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    {
        let waiting = pin!(locker.observe(&id, Interrupt::default(), LONG));
        assert!(
            timeout(SHORT, waiting).await.is_err(),
            "an observer does not wait for the holder"
        );
    }
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn a_request_that_terminates_waits_for_the_holder_and_releases(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    let wait = |limit| locker.acquire_to_terminate(&id, Interrupt::default(), limit);
    let waited = wait(SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    guard.release().await;
    let guard = wait(LONG).await.expect("the lock is free");
    let waited = locker.acquire(&id, Interrupt::default(), SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn the_lock_of_a_new_upload_is_exclusive_in_its_process(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let asked = Interrupt::default();
    let guard = locker.acquire_new(&id, asked.clone(), LONG).await;
    let guard = guard.expect("nobody else knows the upload");
    let waited = locker.acquire(&id, Interrupt::default(), SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    let cause = timeout(LONG, asked.fired())
        .await
        .expect("the holder is interrupted");
    assert!(matches!(cause, Error::Interrupted), "{cause:?}");
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn dropping_a_guard_releases_it(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    drop(acquire(locker, &id).await);
    acquire(locker, &id).await.release().await;
}

async fn a_request_that_stops_waiting_holds_nothing(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    {
        let waiting = pin!(locker.acquire(&id, Interrupt::default(), LONG));
        assert!(
            timeout(SHORT, waiting).await.is_err(),
            "two requests hold one lock"
        );
    }
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn one_request_at_a_time_holds_a_lock_and_all_proceed(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let (busy, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (locker, id) = (Arc::clone(locker), id.clone());
            let (busy, served) = (Arc::clone(&busy), Arc::clone(&served));
            tokio::spawn(async move {
                let guard = acquire(&locker, &id).await;
                assert!(
                    !busy.swap(true, Ordering::SeqCst),
                    "two requests hold one lock"
                );
                sleep(Duration::from_millis(1)).await;
                busy.store(false, Ordering::SeqCst);
                served.fetch_add(1, Ordering::SeqCst);
                guard.release().await;
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panicked");
    }
    assert_eq!(served.load(Ordering::SeqCst), 8);
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use async_trait::async_trait;

    use super::*;

    /// A locker that grants every request at once.
    #[derive(Debug)]
    struct Generous;

    #[async_trait]
    impl Locker for Generous {
        async fn acquire(
            &self,
            _: &UploadId,
            _: Interrupt,
            _: Duration,
        ) -> Result<Box<dyn Guard>, Error> {
            Ok(Box::new(Self))
        }

        async fn try_acquire(
            &self,
            _: &UploadId,
            _: Interrupt,
        ) -> Result<Option<Box<dyn Guard>>, Error> {
            Ok(Some(Box::new(Self)))
        }
    }

    #[async_trait]
    impl Guard for Generous {
        async fn release(self: Box<Self>) {}
    }

    #[test]
    fn a_locker_that_fails_is_told_in_which_cases() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        // Paused time: waits take no real time.
        let runtime = runtime.enable_time().start_paused(true).build();
        let run = || runtime.unwrap().block_on(run(Generous));
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        let report = panic.downcast_ref::<String>().unwrap();
        for case in [
            "waiting_too_long_is_a_timeout",
            "the_holder_is_asked_to_let_go_and_the_next_request_proceeds",
            "a_request_that_stops_waiting_holds_nothing",
            "one_request_at_a_time_holds_a_lock_and_all_proceed",
            "an_observer_that_waits_too_long_gets_a_timeout",
            "the_holder_is_asked_to_let_go_for_an_observer",
            "an_observer_that_stops_waiting_holds_nothing",
            "a_request_that_terminates_waits_for_the_holder_and_releases",
            "the_lock_of_a_new_upload_is_exclusive_in_its_process",
            "a_free_lock_is_taken_by_a_try_and_keeps_others_out",
            "a_try_neither_waits_for_a_holder_nor_interrupts_it",
            "a_try_overtakes_no_request_that_waits",
            "who_got_a_lock_by_a_try_is_asked_to_let_go",
            "to_ask_whether_a_lock_is_held_takes_nothing_and_interrupts_nobody",
        ] {
            assert!(report.contains(&format!("  {case}: ")), "{report}");
        }
        assert!(report.starts_with("lock::conformance: 14 of 19 cases failed"));
    }
}
