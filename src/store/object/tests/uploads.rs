//! Whole uploads.

use std::time::Duration;

use tower_tus_layers::protocol::Interrupt;

use super::*;
use crate::store::object::objects::Rules;

/// Where parts must be equal, as in R2; where completions have no condition and nothing is
/// copied, as in Google Cloud Storage; and where little is allowed.
fn other_rules() -> [Rules; 3] {
    let rules = Rules {
        min_part: 4 * KIB,
        ..Rules::S3
    };
    [
        Rules {
            equal_parts: true,
            ..rules.clone()
        },
        Rules {
            conditional_complete: false,
            copies_parts: false,
            max_tags: 0,
            ..rules.clone()
        },
        Rules {
            max_part: PART,
            max_parts: 200,
            ..rules
        },
    ]
}

#[tokio::test]
async fn it_passes_the_conformance_suite_by_the_rules_of_other_stores() {
    let others = other_rules().map(Bucket::with);
    for bucket in others.into_iter().chain(Bucket::KINDS.map(|new| new())) {
        tower_tus_layers::store::conformance::run(|| store(&bucket)).await;
    }
}

#[tokio::test]
async fn an_upload_goes_on_by_the_rules_of_other_stores() {
    for rules in other_rules() {
        let bucket = Bucket::with(rules);
        let mut handle = create(&store(&bucket), Some(9 * PART + 5)).await;
        for len in [5, 100 * KIB, 2 * PART, 70 * KIB, 3 * PART + 1] {
            let mode = WriteMode::Streaming;
            patch(&mut *handle, len, mode).await.unwrap();
        }
        go_on(&bucket, &handle.info().id, 9 * PART + 5).await;
    }
}

#[tokio::test]
async fn an_upload_of_many_parts_has_the_bytes_that_were_sent() {
    for length in [10 * PART, 10 * PART + 1, 3 * PART - 5] {
        for deferred in [false, true] {
            let bucket = Bucket::new();
            let mut handle = create(&store(&bucket), (!deferred).then_some(length)).await;
            let id = handle.info().id.clone();
            for len in [5, PART + 7, 70 * KIB, 3 * KIB] {
                patch(&mut *handle, len, WriteMode::Streaming)
                    .await
                    .unwrap();
            }
            if deferred {
                let length = Length::saturating(length);
                handle.declare_length(length).await.unwrap();
            }
            drop(handle);
            go_on(&bucket, &id, length).await;
            assert_eq!(bucket.keys(), [id.to_string(), format!("{id}.info")]);
            assert_eq!(bucket.multiparts_left(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_without_bytes_is_finished_although_parts_of_it_were_begun() {
    let bucket = Bucket::new();
    let id = create(&store(&bucket), None).await.info().id.clone();
    let faulty = bucket.again();
    let mut handle = store(&faulty).open(&id).await.unwrap();
    faulty.fail(2, Fault::CrashBefore);
    let crashed = patch(&mut *handle, 2 * PART, WriteMode::Streaming).await;
    crashed.unwrap_err();
    assert!(faulty.calls().contains(&"put_part"));
    assert_eq!(bucket.multiparts_left(), 1);

    let mut handle = store(&bucket).open(&id).await.unwrap();
    handle.declare_length(Length::ZERO).await.unwrap();
    handle.finish_and_record().await.unwrap();
    go_on(&bucket, &id, 0).await;
    super::clean::sweep_all(&bucket).await;
    assert_eq!(bucket.multiparts_left(), 0);
}

#[tokio::test]
async fn an_upload_that_fits_into_one_part_is_put_as_a_whole() {
    for length in [0, 1, 100 * KIB, PART] {
        let bucket = Bucket::new();
        let mut handle = create(&store(&bucket), Some(length)).await;
        let id = handle.info().id.clone();
        for _ in 0..3 {
            patch(&mut *handle, length / 4, WriteMode::Streaming)
                .await
                .unwrap();
        }
        drop(handle);
        go_on(&bucket, &id, length).await;
        assert_eq!(bucket.keys(), [id.to_string(), format!("{id}.info")]);
    }
}

#[tokio::test]
async fn every_byte_before_an_error_of_the_body_is_kept() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(20 * PART)).await;
    let id = handle.info().id.clone();
    let mut offset = 0;
    for len in [1, 4 * KIB, 100 * KIB, PART, 3 * PART + 11, 65 * KIB] {
        let interrupted = Some(Error::Interrupted);
        let appended = append(&mut *handle, len, interrupted, WriteMode::Streaming).await;
        assert!(matches!(
            appended.error.unwrap().error(),
            Error::Interrupted
        ));
        offset += len;
        assert_eq!(appended.offset, offset);
        handle = store(&bucket).open(&id).await.unwrap();
        assert_eq!(handle.info().offset, offset);
    }
    drop(handle);
    go_on(&bucket, &id, 20 * PART).await;
}

#[tokio::test]
async fn an_atomic_chunk_is_there_as_a_whole_or_not_at_all() {
    let length = 40 * PART;
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(length)).await;
    let id = handle.info().id.clone();
    let mut offset = 0;
    for len in [4 * KIB, 100 * KIB, PART + 5, 19 * PART] {
        let interrupted = Some(Error::Interrupted);
        let appended = append(&mut *handle, len, interrupted, WriteMode::Atomic).await;
        assert_eq!(appended.offset, offset);
        let found = store(&bucket).open(&id).await.unwrap();
        assert_eq!(found.info().offset, offset);
        offset += len;
        let kept = patch(&mut *handle, len, WriteMode::Atomic).await.unwrap();
        assert_eq!(kept, offset);
        handle = store(&bucket).open(&id).await.unwrap();
        assert_eq!(handle.info().offset, offset);
    }
    drop(handle);
    go_on(&bucket, &id, length).await;
    assert_eq!(bucket.keys(), [id.to_string(), format!("{id}.info")]);
}

#[tokio::test]
async fn uploads_share_a_memory_that_is_smaller_than_one_part_of_each() {
    let bucket = Bucket::new();
    let store = store(&bucket).part_size(3 * PART).memory(3 * PART);
    let uploads = (0..8).map(|n| {
        let (store, bucket) = (store.clone(), bucket.clone());
        tokio::spawn(async move {
            let length = (7 + n) * PART + n;
            let mut handle = create(&store, Some(length)).await;
            patch(&mut *handle, length, WriteMode::Streaming)
                .await
                .unwrap();
            let stored = bucket.bytes(handle.info().id.as_str()).unwrap();
            assert!(stored == bytes(0, length), "other bytes");
        })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_gives_its_memory_to_another_one() {
    let bucket = Bucket::new();
    let store = store(&bucket).memory(PART);
    let mut stalled = create(&store, Some(PART)).await;
    let id = stalled.info().id.clone();
    let stalled = tokio::spawn(async move {
        let frames = stream::iter([Ok(Frame::data(bytes(0, 100)))]);
        let frames = futures_util::StreamExt::chain(frames, stream::pending());
        let mut body = StreamBody::new(frames);
        stalled
            .append(Chunk::new(&mut body), AppendOptions::default())
            .await
    });
    while store.budget.try_lend(PART).is_some() {
        tokio::task::yield_now().await;
    }
    let mut other = create(&store, Some(3 * PART)).await;
    patch(&mut *other, 3 * PART, WriteMode::Streaming)
        .await
        .unwrap();
    assert_eq!(store.open(&id).await.unwrap().info().offset, 100);
    stalled.abort();
}

/// Where memory is missing for the next bytes, and for a tail that becomes a part.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_to_end_waits_for_no_memory() {
    let equal = Rules {
        equal_parts: true,
        ..other_rules()[0].clone()
    };
    let behind = 3 * PART - 5;
    for (lent, before, rules, kept) in [
        (4 * PART, 0, Rules::S3, 10),
        (4 * PART, behind, Rules::S3, 10),
        (3 * PART, behind, Rules::S3, 10),
        (4 * PART, behind, equal.clone(), 5),
        (3 * PART, behind, equal, 5),
    ] {
        let min_part = 4 * KIB;
        let bucket = Bucket::with(Rules { min_part, ..rules });
        let store = store(&bucket).part_size(3 * PART).memory(4 * PART);
        let mut handle = create(&store, Some(9 * PART)).await;
        let id = handle.info().id.clone();
        let mode = WriteMode::Streaming;
        patch(&mut *handle, before, mode).await.unwrap();
        let lent = store.budget.lend(lent).await;

        let interrupt = Interrupt::default();
        let mut options = options(mode);
        options.interrupt = interrupt.clone();
        let frames = stream::iter([Ok(Frame::data(bytes(before, before + 10)))]);
        let end = stream::once(async { Err(interrupt.fired().await) });
        let mut body = StreamBody::new(Box::pin(futures_util::StreamExt::chain(frames, end)));
        let mut append = handle.append(Chunk::new(&mut body), options);
        let waits = tokio::time::timeout(Duration::from_secs(60), &mut append).await;
        assert!(waits.is_err(), "there is no memory");
        interrupt.fire(Error::Interrupted);
        let appended = append.await;
        assert_eq!(appended.offset, before + kept);
        assert!(!appended.store_failed(), "{appended:?}");

        drop((lent, handle));
        go_on(&bucket, &id, 9 * PART).await;
    }
}

#[tokio::test]
async fn a_foreign_object_is_not_replaced() {
    let bucket = Bucket::new();
    for length in [5, 3 * PART] {
        let mut handle = create(&store(&bucket), Some(length)).await;
        let id = handle.info().id.clone();
        bucket.put_foreign(id.as_str(), b"foreign").await;
        let finished = patch(&mut *handle, length, WriteMode::Streaming).await;
        assert!(matches!(finished, Err(Error::UploadFailed)), "{finished:?}");
        let found = store(&bucket).open(&id).await.unwrap();
        assert!(found.info().is_failed());
        let store = store(&bucket);
        store.terminator().unwrap().terminate(&id).await.unwrap();
        assert_eq!(bucket.bytes(id.as_str()).unwrap(), "foreign");
        assert_eq!(bucket.multiparts_left(), 0);
    }
}
