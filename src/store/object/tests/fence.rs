//! A server that was stopped changes nothing that another one has answered for.

use super::*;
use crate::store::object::objects::{MultipartId, Objects};

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

#[tokio::test(start_paused = true)]
async fn late_part_after_takeover() {
    let length = 8 * PART;
    for calls in 0..6 {
        let bucket = Bucket::new();
        let slow = bucket.again();
        let id = create(&store(&bucket), Some(length))
            .await
            .info()
            .id
            .clone();
        let mut first = store(&slow).open(&id).await.unwrap();
        patch(&mut *first, PART + 5, WriteMode::Streaming)
            .await
            .unwrap();
        // Its call is done only after another server has gone on.
        slow.fail(calls, Fault::Late);
        let late = tokio::spawn(async move {
            let foreign = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from(vec![
                b'x';
                usize::try_from(2 * PART).unwrap()
            ])))]));
            let mut foreign = foreign;
            first
                .append(Chunk::new(&mut foreign), AppendOptions::default())
                .await
        });
        while !slow.has_failed() && !late.is_finished() {
            tokio::task::yield_now().await;
        }
        let mut second = store(&bucket).open(&id).await.unwrap();
        let offset = second.info().offset.get();
        if offset > PART + 5 {
            continue;
        }
        let answered = patch(&mut *second, 2 * PART, WriteMode::Streaming).await;
        let _ = late.await;
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let found = store(&bucket).open(&id).await.unwrap();
        if let Ok(answered) = answered {
            assert!(
                found.info().offset.get() >= answered,
                "an answered byte is lost"
            );
            drop((second, found));
            go_on(&bucket, &id, length).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answer_lost_after_commit() {
    for fault in [Fault::Unanswered, Fault::Lost, Fault::Late, Fault::Busy] {
        for (length, len) in [
            (100 * KIB, KIB),
            (4 * PART, 100 * KIB),
            (5 * PART, 3 * PART),
        ] {
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
