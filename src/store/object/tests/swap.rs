//! Swaps whose answers are lost.

use super::*;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{ObjectError, Objects, Result};
use crate::store::object::swap::{Swapped, swap, want};

/// Creates an upload, and returns its keys and its state.
async fn created(bucket: &Bucket) -> (Keys, Info) {
    let id = create(&store(bucket), Some(5)).await.info().id.clone();
    let keys = store(bucket).keys(&id);
    let info = Info::read(bucket, &keys).await.unwrap();
    (keys, info)
}

/// Raises the epoch.
async fn raise(bucket: &Bucket, keys: &Keys, old: &Info) -> Result<Swapped> {
    let mut state = old.state.clone();
    state.epoch += 1;
    swap(bucket, keys, old, old.document.clone(), state).await
}

#[tokio::test(start_paused = true)]
async fn a_swap_is_known_to_be_done_whatever_is_answered() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Slow, Fault::Busy] {
        let bucket = Bucket::new();
        let (keys, old) = created(&bucket).await;
        let faulty = bucket.again();
        faulty.fail(0, fault);
        let swapped = raise(&faulty, &keys, &old).await;
        let Ok(Swapped::Done(done)) = swapped else {
            panic!("{fault:?}: {swapped:?}");
        };
        let found = Info::read(&bucket, &keys).await.unwrap();
        assert_eq!(
            (found.tag, found.state),
            (done.tag, done.state),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_swap_that_comes_too_late_returns_what_somebody_else_has_written() {
    for fault in [None, Some(Fault::Lost), Some(Fault::Slow)] {
        let bucket = Bucket::new();
        let (keys, old) = created(&bucket).await;
        raise(&bucket, &keys, &old).await.unwrap();
        let slower = bucket.again();
        if let Some(fault) = fault {
            slower.fail(0, fault);
        }
        let swapped = raise(&slower, &keys, &old).await;
        let Ok(Swapped::Newer(newer)) = swapped else {
            panic!("{fault:?}: {swapped:?}");
        };
        assert_eq!(Info::read(&bucket, &keys).await.unwrap().state, newer.state);
    }
}

#[tokio::test]
async fn a_wish_for_the_writer_to_stop_is_kept_while_it_writes() {
    for writer in [Some("writer".to_owned()), None] {
        let bucket = Bucket::new();
        let (keys, mut old) = created(&bucket).await;
        let wish = want(&bucket, &keys, &old).await.unwrap();
        assert!(matches!(wish, Swapped::Done(wish) if wish.state.wanted));

        old.state.writer.clone_from(&writer);
        let swapped = raise(&bucket, &keys, &old).await.unwrap();
        let Swapped::Done(done) = swapped else {
            panic!("{swapped:?}");
        };
        assert_eq!(done.state.wanted, writer.is_some());
        assert_eq!(done.state.epoch, old.state.epoch + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_knows_what_a_store_that_never_answers_has_done() {
    let bucket = Bucket::new();
    let (keys, old) = created(&bucket).await;
    let silent = bucket.again();
    silent.fail(0, Fault::CrashAfter);
    let swapped = raise(&silent, &keys, &old).await;
    assert!(
        matches!(swapped, Err(ObjectError::Unknown(_))),
        "{swapped:?}"
    );
}

#[tokio::test]
async fn an_upload_that_was_removed_is_not_written_again() {
    let bucket = Bucket::new();
    let (keys, old) = created(&bucket).await;
    bucket.delete(&keys.info()).await.unwrap();
    let swapped = raise(&bucket, &keys, &old).await;
    assert!(matches!(swapped, Err(ObjectError::NotFound)), "{swapped:?}");
    assert_eq!(bucket.keys(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_busy_after_a_lost_answer_proves_nothing() {
    let bucket = Bucket::new();
    let (keys, old) = created(&bucket).await;
    let faulty = bucket.again();
    faulty.fail(0, Fault::LostThenBusy);
    let swapped = raise(&faulty, &keys, &old).await;
    assert!(
        matches!(swapped, Err(ObjectError::Unknown(_))),
        "{swapped:?}"
    );
}
