//! A server that was stopped changes nothing that another one has answered for.

use std::time::Duration;

use tower_tus_layers::protocol::Body;

use super::*;

/// Returns an upload with parts, its multipart upload, and a handle that another server
/// has opened before.
async fn stopped(bucket: &Bucket, length: u64) -> (Box<dyn Handle>, UploadId) {
    let mut handle = create(&store(bucket), Some(length)).await;
    let id = handle.info().id.clone();
    patch(&mut *handle, PART + 5, WriteMode::Streaming)
        .await
        .unwrap();
    (store(&bucket.again()).open(&id).await.unwrap(), id)
}

/// A part of a stopped server arrives after another one has sent and named its own, at
/// the same place of the upload.
#[tokio::test(start_paused = true)]
async fn late_part_after_takeover() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        let offsets = [0, 5, 100 * KIB].into_iter();
        for (behind, new) in offsets.flat_map(|it| Bucket::KINDS.map(|new| (it, new))) {
            let bucket = new();
            let length = 8 * PART;
            let mut first = create(&store(&bucket), Some(length)).await;
            let id = first.info().id.clone();
            patch(&mut *first, PART + behind, mode).await.unwrap();

            let stopped = bucket.again();
            let mut zombie = store(&stopped).open(&id).await.unwrap();
            stopped.hold_parts();
            let foreign = tokio::spawn(async move {
                let frames = vec![b'x'; usize::try_from(3 * PART).unwrap()];
                let mut body = Body::from(Bytes::from(frames));
                zombie.append(Chunk::new(&mut body), mode.into()).await
            });
            stopped.wait_for_held_parts(3).await;

            let mut second = store(&bucket).open(&id).await.unwrap();
            let answered = patch(&mut *second, 3 * PART, mode).await.unwrap();
            stopped.let_parts_go();
            let refused = foreign.await.unwrap();
            assert!(refused.store_failed(), "{refused:?}");
            drop(second);
            let found = store(&bucket).open(&id).await.unwrap();
            assert_eq!(found.info().offset.get(), answered);
            go_on(&bucket, &id, length).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_part_of_a_discarded_chunk_is_on_its_way_any_more() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(8 * PART)).await;
    bucket.hold_parts();
    let mut chunk = tokio::spawn(async move {
        let error = Some(Error::ChecksumMismatch);
        append(&mut *handle, 2 * PART, error, WriteMode::Atomic).await
    });
    bucket.wait_for_held_parts(2).await;
    let waits = tokio::time::timeout(Duration::from_secs(1), &mut chunk).await;
    assert!(waits.is_err(), "it ends before its parts");
    bucket.let_parts_go();
    assert!(chunk.await.unwrap().error.is_some());
}

#[tokio::test]
async fn the_slower_of_two_requests_is_refused_and_loses_nothing() {
    let bucket = Bucket::new();
    let (mut slower, id) = stopped(&bucket, 9 * PART).await;
    let mut faster = store(&bucket).open(&id).await.unwrap();
    let answered = patch(&mut *faster, 3, WriteMode::Streaming).await.unwrap();
    let refused = patch(&mut *slower, 7, WriteMode::Streaming).await;
    let Err(Error::MismatchedOffset { current }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(current, answered);
    let refused = patch(&mut *slower, 7, WriteMode::Streaming).await;
    assert!(refused.is_err(), "a handle that has lost does nothing more");
    go_on(&bucket, &id, 9 * PART).await;
}
