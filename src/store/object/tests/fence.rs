//! A server that was stopped changes nothing that another one has answered for.

use tower_tus_layers::protocol::Body;

use super::clean::sweep_all;
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
        for behind in [0, 5, 100 * KIB] {
            let bucket = Bucket::new();
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
async fn answer_lost_after_commit() {
    for fault in [Fault::Unanswered, Fault::Lost, Fault::Slow, Fault::Busy] {
        for (length, len) in [(8 * KIB, KIB), (4 * PART, 100 * KIB), (5 * PART, 3 * PART)] {
            let mut calls = 0;
            loop {
                let bucket = Bucket::new();
                let faulty = bucket.again();
                faulty.fail(calls, fault);
                let mut handle = create(&store(&faulty), Some(length)).await;
                let id = handle.info().id.clone();
                let mut offset = 0;
                while offset < length {
                    let len = len.min(length - offset);
                    let answer = patch(&mut *handle, len, WriteMode::Streaming).await;
                    offset = answer.unwrap_or_else(|error| panic!("{fault:?} {calls}: {error}"));
                }
                assert!(bucket.bytes(id.as_str()).unwrap() == bytes(0, length));
                if !faulty.has_failed() {
                    break;
                }
                calls += 1;
            }
            assert!(calls > 3);
        }
    }
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

async fn terminate(store: &ObjectStore, id: &UploadId) -> Result<(), Error> {
    store.terminator().unwrap().terminate(id).await
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_termination() {
    for fault in [Fault::Unanswered, Fault::Lost, Fault::Slow, Fault::Busy] {
        for sent in [5, 100 * KIB, 3 * PART + 5, 5 * PART] {
            let mut calls = 0;
            loop {
                let bucket = Bucket::new();
                let mut handle = create(&store(&bucket), Some(5 * PART)).await;
                let id = handle.info().id.clone();
                patch(&mut *handle, sent, WriteMode::Streaming)
                    .await
                    .unwrap();
                let faulty = bucket.again();
                faulty.fail(calls, fault);
                let ended = terminate(&store(&faulty), &id).await;
                // Late calls are done by then.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                if ended.is_err() {
                    let again = terminate(&store(&bucket), &id).await;
                    assert!(matches!(again, Ok(()) | Err(Error::NotFound)), "{again:?}");
                    sweep_all(&bucket).await;
                }
                assert_eq!(bucket.keys(), [""; 0], "{fault:?} {calls} {sent}");
                assert_eq!(bucket.multiparts_left(), 0);
                if !faulty.has_failed() {
                    break;
                }
                calls += 1;
            }
            assert!(calls > 2, "{fault:?}: {calls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit_of_a_creation() {
    for fault in [Fault::Unanswered, Fault::Lost, Fault::Slow, Fault::Busy] {
        let bucket = Bucket::new();
        let faulty = bucket.again();
        let asked = new(Some(PART));
        let id = asked.id.clone();
        faulty.fail(0, fault);
        let created = store(&faulty).create(asked.clone()).await;
        drop(created.unwrap_or_else(|error| panic!("{fault:?}: {error}")));
        assert!(faulty.has_failed());
        let again = store(&bucket).create(asked).await;
        assert!(matches!(again, Err(Error::UploadExists)), "{again:?}");
        go_on(&bucket, &id, PART).await;
    }
}
