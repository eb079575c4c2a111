//! The first write adopts an upload, and the last one finishes it.

use super::*;

const LENGTH: u64 = 10 * PART;

/// Sizes of parts, and of the tail.
const BEGUN: [(&[u64], u64); 5] = [
    (&[], 0),
    (&[], 3 * KIB),
    (&[PART], 0),
    (&[PART, PART + 5], 3 * KIB),
    (&[5 * KIB, PART, 2 * PART], 100 * KIB),
];

#[tokio::test]
async fn half_an_upload_of_tusd_is_finished_here() {
    for (parts, tail) in BEGUN {
        for len in [1, 4 * KIB, 100 * KIB, 3 * PART] {
            let bucket = Bucket::new();
            let left = Left::new(&bucket, Some(LENGTH), parts, tail).await;
            for sum in 1..3 {
                let mut handle = left.open().await;
                let answered = patch(&mut *handle, len, WriteMode::Streaming).await;
                assert_eq!(answered.unwrap(), left.at + sum * len);
            }
            left.go_on(LENGTH).await;
            left.assert_clean();
            let properties = bucket.properties(OBJECT);
            assert_eq!(properties.unwrap().metadata["filename"], "a.txt");
        }
    }
}

#[tokio::test]
async fn the_members_of_tusd_stay_in_the_document() {
    let left = Left::new(&Bucket::new(), Some(LENGTH), &[PART], 3 * KIB).await;
    let mut before = left.document();
    let mut handle = left.open().await;
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    assert!(left.bucket.bytes(&left.tail()).is_some(), "it counts");
    let mut after = left.document();
    assert!(after["TowerTus"]["Object"].is_object());
    assert_eq!(after["Offset"], left.at + 5);
    for document in [&mut before, &mut after] {
        let members = document.as_object_mut().unwrap();
        members.remove("TowerTus");
        members.remove("Offset");
    }
    assert_eq!(after, before);
}

#[tokio::test]
async fn tusd_is_kept_out_while_its_parts_would_come_before_ours() {
    let left = Left::new(&Bucket::new(), Some(LENGTH), &[PART], 3 * KIB).await;
    for (len, is_kept_out) in [
        (5, None),
        (100 * KIB, None),
        (PART, Some(true)),
        (5, Some(true)),
    ] {
        let mut handle = left.open().await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
        let document = left.document();
        assert_eq!(document["isFinal"].as_bool(), is_kept_out);
        assert_eq!(document["IsFinal"], false);
    }
    left.go_on(LENGTH).await;
    assert_eq!(left.document()["isFinal"], Value::Null);
}

#[tokio::test]
async fn a_length_is_declared_here() {
    let left = Left::new(&Bucket::new(), None, &[PART], 3 * KIB).await;
    let mut handle = left.open().await;
    assert_eq!(handle.info().length, None);
    patch(&mut *handle, PART, WriteMode::Streaming)
        .await
        .unwrap();
    handle
        .declare_length(Length::saturating(LENGTH))
        .await
        .unwrap();
    left.go_on(LENGTH).await;
    left.assert_clean();
}

#[tokio::test]
async fn an_upload_whose_parts_were_not_joined_is_finished_without_bytes() {
    for (parts, tail) in [
        (&[][..], 0),
        (&[PART, 5], 0),
        // Its length was declared when all bytes were there.
        (&[PART], 5),
    ] {
        let length = parts.iter().sum::<u64>() + tail;
        let left = Left::new(&Bucket::new(), Some(length), parts, tail).await;
        let mut handle = left.open().await;
        assert!(handle.info().is_complete() && !handle.info().is_finished());
        handle.finish_and_record().await.unwrap();
        left.go_on(length).await;
        left.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_the_end_of_an_upload_without_bytes_is_survived() {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for calls in 0..8 {
            let left = Left::new(&Bucket::new(), Some(0), &[], 0).await;
            let attempts = FinishState::Pending { attempts: 1 };
            left.open().await.record(attempts).await.unwrap();
            let faulty = left.bucket.again();
            faulty.fail(calls, fault);
            if let Ok(mut handle) = store(&faulty).open(&left.id()).await {
                let _ = handle.finish_and_record().await;
            }
            left.go_on(0).await;
            left.assert_clean();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_the_completion_that_is_lost_is_found_out() {
    for fault in [Fault::Unanswered, Fault::Slow, Fault::Lost] {
        for calls in 0..20 {
            let left = Left::new(&Bucket::new(), Some(LENGTH), &[PART], 3 * KIB).await;
            let faulty = left.bucket.again();
            faulty.fail(calls, fault);
            let opened = store(&faulty).open(&left.id()).await;
            if let Ok(mut handle) = opened {
                let rest = LENGTH - left.at;
                let answered = patch(&mut *handle, rest, WriteMode::Streaming).await;
                answered.unwrap_or_else(|error| panic!("{fault:?} {calls}: {error}"));
            }
            left.go_on(LENGTH).await;
        }
    }
}

#[tokio::test]
async fn an_object_that_tusd_has_joined_meanwhile_is_taken() {
    let left = Left::new(&Bucket::new(), Some(2 * PART), &[PART, PART], 0).await;
    let mut handle = left.open().await;
    left.complete().await;
    // Only the multipart upload tells whose object this is.
    left.put(OBJECT, bytes(0, 2 * PART)).await;
    handle.finish_and_record().await.unwrap();
    left.go_on(2 * PART).await;
    left.assert_clean();
}

/// Crashes in one call of a request.
async fn crashed(begun: (&[u64], u64), len: u64, calls: usize, fault: Fault) -> bool {
    let left = Left::new(&Bucket::new(), Some(LENGTH), begun.0, begun.1).await;
    let faulty = left.bucket.again();
    faulty.fail(calls, fault);
    if let Ok(mut handle) = store(&faulty).open(&left.id()).await {
        let answer = patch(&mut *handle, len, WriteMode::Streaming).await;
        let offset = left.open().await.info().offset.get();
        assert!(offset >= left.at, "the offset went back to {offset}");
        if let Ok(answered) = answer {
            assert_eq!(offset, answered);
        }
    }
    let found = left.open().await;
    assert!(found.info().offset.get() >= left.at);
    drop(found);
    left.go_on(LENGTH).await;
    faulty.has_failed()
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_any_call_of_the_adoption_loses_no_byte() {
    for begun in [BEGUN[1], BEGUN[3]] {
        for len in [5, 100 * KIB, 3 * PART, LENGTH] {
            let at = begun.0.iter().sum::<u64>() + begun.1;
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                let mut calls = 0;
                while crashed(begun, len.min(LENGTH - at), calls, fault).await {
                    calls += 1;
                }
                assert!(calls > 3);
            }
        }
    }
}

#[tokio::test]
async fn a_late_part_of_tusd_changes_nothing() {
    for opened_before in [false, true] {
        let left = Left::new(&Bucket::new(), Some(LENGTH), &[PART, PART], 3 * KIB).await;
        let late = async || {
            for number in 3..19 {
                left.send_bytes(number, vec![b'x'; 5 << 10].into()).await;
            }
        };
        let mut handle = left.open().await;
        if opened_before {
            late().await;
        }
        let answered = patch(&mut *handle, 3 * PART, WriteMode::Streaming).await;
        late().await;
        let found = left.open().await.info().offset.get();
        assert_eq!(found, answered.unwrap());
        left.go_on(LENGTH).await;
        left.assert_clean();
    }
}

#[tokio::test]
async fn a_tail_that_tusd_has_replaced_since_is_not_taken() {
    let left = Left::new(&Bucket::new(), Some(LENGTH), &[PART], 3 * KIB).await;
    let mut handle = left.open().await;
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    left.keep(vec![b'x'; 3 << 10].into()).await;
    let refused = patch(&mut *handle, 2 * PART, WriteMode::Streaming).await;
    assert!(matches!(refused, Err(Error::Internal(_))), "{refused:?}");
    assert!(left.bucket.bytes(&left.tail()).is_some());
}

#[tokio::test]
async fn the_parts_have_the_size_of_those_of_tusd_where_all_need_the_same() {
    let rules = Rules {
        min_part: 4 << 10,
        equal_parts: true,
        ..Rules::S3
    };
    let bucket = Bucket::with(rules);
    let left = Left::new(&bucket, Some(LENGTH), &[48 * KIB, 48 * KIB], 3 * KIB).await;
    left.go_on(LENGTH).await;
    left.assert_clean();
}
