//! Cases of locks that are tried, and asked for, without waiting.

use std::sync::Arc;

use tokio::time::timeout;

use super::{LONG, SHORT, acquire};
use crate::lock::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};
use crate::suite::{Suite, cases};

pub(super) async fn run(suite: &mut Suite, locker: &Arc<dyn Locker>) {
    cases!(suite, locker;
        a_free_lock_is_taken_by_a_try_and_keeps_others_out,
        a_try_neither_waits_for_a_holder_nor_interrupts_it,
        a_try_overtakes_no_request_that_waits,
        who_got_a_lock_by_a_try_is_asked_to_let_go,
        dropping_the_guard_of_a_try_releases_it,
        to_ask_whether_a_lock_is_held_takes_nothing_and_interrupts_nobody,
    );
}

/// Tries to take a lock, and waits only for the answer.
async fn attempt(locker: &Arc<dyn Locker>, id: &UploadId) -> Option<Box<dyn Guard>> {
    let tried = locker.try_acquire(id, Interrupt::default());
    let tried = timeout(LONG, tried).await.expect("a try does not wait");
    tried.expect("the locker can tell")
}

async fn is_held(locker: &Arc<dyn Locker>, id: &UploadId) -> bool {
    let asked = timeout(LONG, locker.is_held(id)).await;
    asked
        .expect("the question does not wait")
        .expect("the locker can tell")
}

async fn is_interrupted(holder: &Interrupt) -> bool {
    timeout(SHORT, holder.fired()).await.is_ok()
}

async fn a_free_lock_is_taken_by_a_try_and_keeps_others_out(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    for _ in 0..3 {
        let guard = attempt(locker, &id).await.expect("the lock is free");
        assert!(attempt(locker, &id).await.is_none(), "it is held");
        let waited = locker.acquire(&id, Interrupt::default(), SHORT).await;
        assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
        guard.release().await;
        acquire(locker, &id).await.release().await;
    }
    let other = attempt(locker, &UploadId::random()).await;
    other.expect("it is another lock").release().await;
}

async fn a_try_neither_waits_for_a_holder_nor_interrupts_it(locker: &Arc<dyn Locker>) {
    let (id, holder) = (UploadId::random(), Interrupt::default());
    let guard = locker.acquire(&id, holder.clone(), LONG).await;
    let guard = guard.expect("the lock is free");
    assert!(attempt(locker, &id).await.is_none(), "it is held");
    assert!(!is_interrupted(&holder).await, "the holder was interrupted");
    guard.release().await;
    let guard = attempt(locker, &id).await.expect("the lock is free");
    guard.release().await;
}

async fn a_try_overtakes_no_request_that_waits(locker: &Arc<dyn Locker>) {
    let (id, holder) = (UploadId::random(), Interrupt::default());
    let guard = locker.acquire(&id, holder.clone(), LONG).await;
    let guard = guard.expect("the lock is free");
    let waiter = tokio::spawn({
        let (locker, id) = (Arc::clone(locker), id.clone());
        async move { acquire(&locker, &id).await }
    });
    let waits = timeout(LONG, holder.fired()).await;
    waits.expect("the holder is interrupted");
    assert!(attempt(locker, &id).await.is_none(), "it is held");
    guard.release().await;
    assert!(attempt(locker, &id).await.is_none(), "another one waits");
    let served = timeout(LONG, waiter).await.expect("the waiter proceeds");
    served.expect("the waiter did not panic").release().await;
    let guard = attempt(locker, &id).await.expect("the lock is free");
    guard.release().await;
}

async fn who_got_a_lock_by_a_try_is_asked_to_let_go(locker: &Arc<dyn Locker>) {
    let (id, holder) = (UploadId::random(), Interrupt::default());
    let tried = locker.try_acquire(&id, holder.clone()).await;
    let guard = tried.expect("the locker can tell");
    let guard = guard.expect("the lock is free");
    let newcomer = tokio::spawn({
        let (locker, id) = (Arc::clone(locker), id.clone());
        async move { acquire(&locker, &id).await }
    });
    let cause = timeout(LONG, holder.fired()).await;
    let cause = cause.expect("the holder is interrupted");
    assert!(matches!(cause, Error::Interrupted), "{cause:?}");
    guard.release().await;
    let served = timeout(LONG, newcomer).await.expect("it proceeds");
    served.expect("it did not panic").release().await;
}

async fn dropping_the_guard_of_a_try_releases_it(locker: &Arc<dyn Locker>) {
    let id = UploadId::random();
    drop(attempt(locker, &id).await.expect("the lock is free"));
    acquire(locker, &id).await.release().await;
}

async fn to_ask_whether_a_lock_is_held_takes_nothing_and_interrupts_nobody(
    locker: &Arc<dyn Locker>,
) {
    let (id, holder) = (UploadId::random(), Interrupt::default());
    assert!(!is_held(locker, &id).await, "nobody holds it");
    let guard = locker.acquire(&id, holder.clone(), LONG).await;
    let guard = guard.expect("the question has taken nothing");
    assert!(is_held(locker, &id).await, "it is held");
    assert!(!is_interrupted(&holder).await, "the holder was interrupted");
    guard.release().await;
    assert!(!is_held(locker, &id).await, "it was released");
    acquire(locker, &id).await.release().await;
}
