//! What every [`Locker`] has to do, as tests that panic where it does not.
//!
//! ```
//! use std::sync::Arc;
//! use tower_tus_layers::lock::{MemoryLocker, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::run(Arc::new(MemoryLocker::default())).await;
//! # }
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};

/// As long as any test here is willing to wait for what has to happen.
const LONG: Duration = Duration::from_secs(20);
/// As long as a test waits to see that something does not happen.
const SHORT: Duration = Duration::from_millis(300);

/// Runs the whole suite, on ids of its own.
///
/// # Panics
///
/// Where the locker does not do what it has to.
pub async fn run(locker: Arc<dyn Locker>) {
    a_lock_is_free_after_its_release(&*locker).await;
    uploads_are_locked_one_by_one(&*locker).await;
    who_waits_too_long_is_told(&*locker).await;
    the_holder_is_asked_to_let_go_and_the_newcomer_is_served(&locker).await;
    to_drop_a_guard_releases_it(&*locker).await;
    who_stops_waiting_holds_nothing(&*locker).await;
    at_most_one_holds_a_lock_and_everybody_is_served(&locker).await;
}

async fn acquire(locker: &dyn Locker, id: &UploadId) -> Box<dyn Guard> {
    let guard = locker.acquire(id, Interrupt::default(), LONG).await;
    guard.expect("the lock can be had")
}

async fn a_lock_is_free_after_its_release(locker: &dyn Locker) {
    let id = UploadId::random();
    for _ in 0..3 {
        acquire(locker, &id).await.release().await;
    }
}

async fn uploads_are_locked_one_by_one(locker: &dyn Locker) {
    let one = acquire(locker, &UploadId::random()).await;
    let other = acquire(locker, &UploadId::random()).await;
    one.release().await;
    other.release().await;
}

async fn who_waits_too_long_is_told(locker: &dyn Locker) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    let waited = locker.acquire(&id, Interrupt::default(), SHORT).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn the_holder_is_asked_to_let_go_and_the_newcomer_is_served(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    let asked = Interrupt::default();
    let guard = locker
        .acquire(&id, asked.clone(), LONG)
        .await
        .expect("the lock is free");
    let early = timeout(SHORT, asked.fired()).await;
    assert!(
        early.is_err(),
        "the holder was asked though nobody waits: {early:?}"
    );

    let newcomer = tokio::spawn({
        let (locker, id) = (Arc::clone(locker), id.clone());
        async move { acquire(&*locker, &id).await }
    });
    let cause = timeout(LONG, asked.fired())
        .await
        .expect("the holder is asked");
    assert!(matches!(cause, Error::Interrupted), "{cause:?}");
    guard.release().await;
    let served = timeout(LONG, newcomer)
        .await
        .expect("the newcomer is served");
    served.expect("the newcomer did not panic").release().await;
}

async fn to_drop_a_guard_releases_it(locker: &dyn Locker) {
    let id = UploadId::random();
    drop(acquire(locker, &id).await);
    acquire(locker, &id).await.release().await;
}

async fn who_stops_waiting_holds_nothing(locker: &dyn Locker) {
    let id = UploadId::random();
    let guard = acquire(locker, &id).await;
    {
        let waiting = pin!(locker.acquire(&id, Interrupt::default(), LONG));
        assert!(timeout(SHORT, waiting).await.is_err(), "two hold one lock");
    }
    guard.release().await;
    acquire(locker, &id).await.release().await;
}

async fn at_most_one_holds_a_lock_and_everybody_is_served(locker: &Arc<dyn Locker>) {
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
                let guard = acquire(&*locker, &id).await;
                assert!(!busy.swap(true, Ordering::SeqCst), "two hold one lock");
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
