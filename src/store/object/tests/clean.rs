//! What belongs to no upload is found and removed, and nothing else.

use tower_tus_layers::store::{Leftover, LeftoverKind, LeftoverRequest, WriteMode};
use tower_tus_layers::sweep::{SweepOptions, Sweeper};

use super::*;
use crate::store::object::objects::{MultipartId, Objects, Properties};

/// A name like those of pieces.
const PIECE: &str = "00112233445566778899aabbccddeeff-0";

/// Returns all leftovers, in small pages.
async fn leftovers(bucket: &Bucket) -> Vec<Leftover> {
    let store = store(bucket);
    let mut request = LeftoverRequest::default().limit(2);
    let mut leftovers = Vec::new();
    loop {
        let page = store.cleaner().unwrap().leftovers(&request).await.unwrap();
        leftovers.extend(page.leftovers);
        match page.next {
            Some(next) => request = request.after(next),
            None => return leftovers,
        }
    }
}

async fn found(bucket: &Bucket) -> Vec<(String, LeftoverKind)> {
    let found = leftovers(bucket).await.into_iter();
    found.map(|it| (it.name, it.kind)).collect()
}

/// Removes what belongs to nobody, as far as the calls succeed.
async fn sweep_with(store: &ObjectStore) {
    let sweeper = Sweeper::new(store.clone(), store.locker());
    let options = SweepOptions::default().older_than(std::time::Duration::ZERO);
    let _ = sweeper.sweep(&options).await;
}

/// Sweeps, and checks that nothing is left but this upload.
pub(super) async fn check_swept(bucket: &Bucket, id: &UploadId) {
    sweep_with(&store(&bucket.again())).await;
    assert_eq!(bucket.keys(), [id.to_string(), format!("{id}.info")]);
    assert_eq!(bucket.multiparts_left(), 0);
}

async fn begin(bucket: &Bucket, key: &str) -> MultipartId {
    let none = Properties::default();
    bucket.begin(key, &none).await.unwrap()
}

#[tokio::test]
async fn whatever_an_upload_needs_is_no_leftover() {
    let bucket = Bucket::new();
    for len in [0, 5, 100 * KIB, 2 * PART + 100 * KIB, 4 * PART] {
        let mut handle = create(&store(&bucket), Some(4 * PART)).await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
    }
    assert_eq!(found(&bucket).await, []);
    let keys = bucket.keys();
    sweep_with(&store(&bucket)).await;
    assert_eq!(bucket.keys(), keys);
}

#[tokio::test]
async fn pieces_and_parts_that_no_state_names_are_drafts() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(9 * PART)).await;
    patch(&mut *handle, 2 * PART, WriteMode::Streaming)
        .await
        .unwrap();
    let id = handle.info().id.to_string();
    bucket
        .put_foreign(&format!("{id}.{PIECE}.part"), b"piece")
        .await;
    bucket.put_foreign(&format!("a.{PIECE}.part"), b"").await;
    let multipart = begin(&bucket, &id).await;
    let name = format!("{id} (multipart upload {})", multipart.0);
    let mut expected = vec![
        (name, LeftoverKind::Draft),
        (format!("{id}.{PIECE}.part"), LeftoverKind::Draft),
        (format!("a.{PIECE}.part"), LeftoverKind::Draft),
    ];
    expected.sort();
    assert_eq!(found(&bucket).await, expected);
    sweep_with(&store(&bucket)).await;
    assert_eq!(found(&bucket).await, []);
    go_on(&bucket, &handle.info().id, 9 * PART).await;
    check_swept(&bucket, &handle.info().id).await;
}

#[tokio::test]
async fn what_may_be_somebody_s_is_told_and_kept() {
    let bucket = Bucket::new();
    bucket.put_foreign("b", b"hello").await;
    bucket.put_foreign("film.part", b"").await;
    bucket.put_foreign("broken.info", b"not JSON").await;
    bucket
        .put_foreign(&format!("broken.{PIECE}.part"), b"")
        .await;
    begin(&bucket, "broken").await;
    let multipart = begin(&bucket, "c").await;
    let name = format!("c (multipart upload {})", multipart.0);
    let expected = [
        ("b".to_owned(), LeftoverKind::Orphan),
        ("broken.info".to_owned(), LeftoverKind::Unreadable),
        (name, LeftoverKind::Orphan),
        ("film.part".to_owned(), LeftoverKind::Orphan),
    ];
    assert_eq!(found(&bucket).await, expected);
    let keys = bucket.keys();
    sweep_with(&store(&bucket)).await;
    assert_eq!((bucket.keys(), bucket.multiparts_left()), (keys, 2));
    let cleaner = store(&bucket);
    for leftover in leftovers(&bucket).await {
        let cleaned = cleaner.cleaner().unwrap().clean(&leftover).await.unwrap();
        assert_eq!(cleaned, Some(leftover.bytes), "{leftover:?}");
    }
    // Whose pieces these were cannot be read any more.
    sweep_with(&cleaner).await;
    assert_eq!((bucket.keys(), bucket.multiparts_left()), (vec![], 1));
}

#[tokio::test]
async fn a_finished_upload_whose_state_is_gone_is_nobody_else_s() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(5)).await;
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    let id = handle.info().id.as_str();
    bucket.delete(&format!("{id}.info")).await.unwrap();
    assert_eq!(found(&bucket).await, []);
}

#[tokio::test]
async fn a_state_whose_object_was_moved_away_is_removed() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(5)).await;
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    let id = handle.info().id.as_str();
    bucket.delete(id).await.unwrap();
    let expected = (format!("{id}.info"), LeftoverKind::Moved);
    assert_eq!(found(&bucket).await, [expected]);
    sweep_with(&store(&bucket)).await;
    assert_eq!(bucket.keys(), [""; 0]);
}

#[tokio::test]
async fn a_leftover_that_an_upload_has_taken_meanwhile_stays() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(9 * PART)).await;
    patch(&mut *handle, 2 * PART + 100 * KIB, WriteMode::Streaming)
        .await
        .unwrap();
    let id = handle.info().id.clone();
    let multipart = bucket.multiparts("", None).await.unwrap().multiparts;
    let multipart = format!("{id} (multipart upload {})", multipart[0].id.0);
    let mut names: Vec<_> = bucket.keys();
    names.push(multipart);
    let store = store(&bucket);
    for name in names {
        for &kind in LeftoverKind::ALL {
            let leftover = Leftover::new(name.clone(), kind);
            let cleaned = store.cleaner().unwrap().clean(&leftover).await.unwrap();
            assert_eq!(cleaned, None, "{name} {kind}");
        }
    }
    go_on(&bucket, &id, 9 * PART).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_crashes_is_done_by_the_next_one() {
    let mut calls = 0;
    loop {
        let bucket = Bucket::new();
        let mut handle = create(&store(&bucket), Some(9 * PART)).await;
        patch(&mut *handle, 2 * PART + 100 * KIB, WriteMode::Streaming)
            .await
            .unwrap();
        let gone = handle.info().id.clone();
        let terminating = bucket.again();
        // After the state says that it is gone.
        terminating.fail(2, Fault::CrashBefore);
        let store_of = store(&terminating);
        let _ = store_of.terminator().unwrap().terminate(&gone).await;
        bucket.put_foreign(&format!("a.{PIECE}.part"), b"").await;
        assert_ne!(found(&bucket).await, []);

        let faulty = bucket.again();
        faulty.fail(calls, Fault::CrashBefore);
        sweep_with(&store(&faulty)).await;
        sweep_with(&store(&bucket.again())).await;
        assert_eq!(bucket.keys(), [""; 0], "after {calls} calls");
        assert_eq!(bucket.multiparts_left(), 0, "after {calls} calls");
        if !faulty.has_failed() {
            break;
        }
        calls += 1;
    }
    assert!(calls > 5, "{calls}");
}
