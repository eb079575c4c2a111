//! Uploads that tusd has finished, finals, and terminations.

use std::time::Duration;

use super::*;
use tower_tus_layers::protocol::{Concat, Role};
use tower_tus_layers::sweep::{SweepOptions, Sweeper};

async fn read(left: &Left, length: u64) -> Bytes {
    let store = store(&left.bucket);
    let content = store.reader().unwrap().read(&left.id()).await.unwrap();
    assert!(content.upload().is_finished());
    content.bytes(0..length).await.unwrap()
}

#[tokio::test]
async fn what_tusd_has_finished_is_read_here() {
    let left = Left::new(&Bucket::new(), Some(PART + 7), &[PART, 7], 0).await;
    left.complete().await;
    let before = left.all();
    let upload = left.open().await.info().clone();
    assert!(upload.is_finished());
    assert_eq!(upload.offset, PART + 7);
    assert_eq!(read(&left, PART + 7).await, bytes(0, PART + 7));
    assert!(left.all() == before, "something was changed");

    let mut empty = Left::begin(&Bucket::new(), OBJECT, Some(0), &json!({})).await;
    empty.send(1, 0).await;
    empty.complete().await;
    assert!(empty.open().await.info().is_finished());
}

#[tokio::test]
async fn without_parts_and_object_there_is_no_upload() {
    let left = Left::new(&Bucket::new(), Some(5), &[3], 0).await;
    left.abort().await;
    let opened = store(&left.bucket).open(&left.id()).await;
    assert!(matches!(opened, Err(Error::NotFound)), "{opened:?}");
    assert!(matches!(left.terminate().await, Err(Error::NotFound)));
    assert_eq!(left.bucket.keys(), [left.info()]);
    let lister = store(&left.bucket);
    let page = lister.lister().unwrap().list(&Default::default()).await;
    let page = page.unwrap();
    assert!(page.uploads.is_empty() && page.unreadable.is_empty());
}

#[tokio::test]
async fn a_termination_leaves_nothing() {
    let foreign = |left: &Left| left.bucket.keys().is_empty();
    for sent in [0, 5, 100 * KIB, 3 * PART, 7 * PART] {
        let length = PART + 7 + sent.max(1);
        let left = Left::new(&Bucket::new(), Some(length), &[PART], 7).await;
        if sent > 0 {
            let mut handle = left.open().await;
            patch(&mut *handle, sent, WriteMode::Streaming)
                .await
                .unwrap();
        }
        left.terminate().await.unwrap();
        assert!(foreign(&left), "{sent}: {:?}", left.bucket.keys());
        assert_eq!(left.bucket.multiparts_left(), 0);
        assert!(matches!(left.terminate().await, Err(Error::NotFound)));
    }
    let left = Left::new(&Bucket::new(), Some(PART), &[PART], 0).await;
    left.complete().await;
    left.terminate().await.unwrap();
    assert!(foreign(&left));
}

#[tokio::test]
async fn an_object_that_was_joined_but_not_recorded_is_terminated_too() {
    let left = Left::new(&Bucket::new(), Some(PART + 7), &[PART], 0).await;
    let mut handle = left.open().await;
    let appended = append(&mut *handle, 7, None, WriteMode::Streaming).await;
    assert_eq!(appended.offset, PART + 7);
    handle.finish().await.unwrap();
    assert!(left.bucket.bytes(OBJECT).is_some());
    assert!(left.document()["TowerTus"]["Object"]["Multipart"].is_string());
    let found = left.open().await.info().clone();
    assert!(
        found.is_complete() && !found.is_finished(),
        "hooks come next"
    );
    left.terminate().await.unwrap();
    assert_eq!(left.bucket.keys(), [""; 0]);
}

#[tokio::test]
async fn what_tusd_has_finished_since_is_read_here() {
    for len in [5, 100 * KIB] {
        let length = 2 * PART;
        let mut left = Left::new(&Bucket::new(), Some(length), &[PART], 7).await;
        let mut handle = left.open().await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
        left.bucket.delete(&left.tail()).await.unwrap();
        left.at = PART;
        left.send(2, PART).await;
        left.complete().await;
        assert_eq!(read(&left, length).await, bytes(0, length));
        left.terminate().await.unwrap();
        let keys = left.bucket.keys();
        let is_piece = |key: &String| key.ends_with(".part");
        assert!(
            keys.iter().all(is_piece),
            "a sweep finds the rest: {keys:?}"
        );
    }
}

#[tokio::test]
async fn an_object_of_somebody_else_is_neither_replaced_nor_removed() {
    for (is_finished, mark) in [(true, None), (true, Some("other")), (false, Some("other"))] {
        let left = Left::new(&Bucket::new(), Some(PART + 7), &[PART], 0).await;
        let metadata = mark.map(|mark| ("tower-tus".to_owned(), mark.to_owned()));
        let properties = Properties {
            metadata: metadata.into_iter().collect(),
            ..Properties::default()
        };
        let foreign = left
            .bucket
            .put(OBJECT, "foreign".into(), When::Always, &properties);
        foreign.await.unwrap();
        if is_finished {
            let mut handle = left.open().await;
            let finished = patch(&mut *handle, 7, WriteMode::Streaming).await;
            assert!(matches!(finished, Err(Error::UploadFailed)), "{finished:?}");
        }
        left.terminate().await.unwrap();
        assert_eq!(left.bucket.keys(), [OBJECT]);
    }
}

#[tokio::test]
async fn partial_uploads_of_tusd_are_concatenated_here() {
    let bucket = Bucket::new();
    let (mut parts, mut from) = (Vec::new(), 0);
    for (object, size, completed) in [("p", PART, true), ("q", 7, false)] {
        let partial = json!({"IsPartial": true});
        let mut left = Left::begin(&bucket, object, Some(size), &partial).await;
        left.at = from;
        left.send(1, size).await;
        from = left.at;
        if completed {
            left.complete().await;
        }
        parts.push(left.id());
    }
    let role = Role::Final {
        parts,
        pending: false,
    };
    let mut asked = new(None);
    asked.concat = Some(Concat::new(role, None));
    let (store, interrupt) = (store(&bucket), Interrupt::default());
    let concatenator = store.concatenator().unwrap();
    let handle = concatenator.concatenate(asked, &interrupt).await.unwrap();
    let stored = bucket.bytes(handle.info().id.as_str()).unwrap();
    assert!(stored == bytes(0, PART + 7));
}

#[tokio::test]
async fn a_part_that_tusd_has_not_got_whole_is_not_concatenated() {
    let bucket = Bucket::new();
    let left = Left::begin(&bucket, OBJECT, Some(5), &json!({"IsPartial": true})).await;
    let before = left.all();
    let role = Role::Final {
        parts: vec![left.id()],
        pending: false,
    };
    let mut asked = new(None);
    asked.concat = Some(Concat::new(role, None));
    let (store, interrupt) = (store(&bucket), Interrupt::default());
    let concatenator = store.concatenator().unwrap();
    let refused = concatenator.concatenate(asked, &interrupt).await;
    assert!(matches!(refused, Err(Error::UploadNotFinished)));
    assert!(left.all() == before);
}

#[tokio::test]
async fn a_final_of_tusd_is_there_with_its_object() {
    let finals = json!({"IsFinal": true, "PartialUploads": ["a+1", "b+2"]});
    let length = 5 * KIB + 2;
    // tusd may not have removed the multipart upload that it has not used.
    for used in [false, true] {
        let mut left = Left::begin(&Bucket::new(), OBJECT, Some(length), &finals).await;
        left.send(1, 5 * KIB).await;
        let upload = left.open().await.info().clone();
        assert!(upload.is_failed() && upload.is_final());
        left.send(2, 2).await;
        match used {
            true => left.complete().await,
            false => left.put(OBJECT, bytes(0, length)).await,
        }
        assert_eq!(read(&left, length).await, bytes(0, length));
        left.terminate().await.unwrap();
        assert_eq!(left.bucket.keys(), [""; 0]);
        assert_eq!(left.bucket.multiparts_left(), 0);
    }
}

#[tokio::test]
async fn what_a_continued_upload_does_not_need_is_swept() {
    let left = Left::new(&Bucket::new(), Some(5 * PART), &[PART], 7).await;
    let mut handle = left.open().await;
    patch(&mut *handle, PART, WriteMode::Streaming)
        .await
        .unwrap();
    let piece = format!("{OBJECT}.00112233445566778899aabbccddeeff-0.part");
    left.bucket.put_foreign(&piece, b"").await;
    let store = store(&left.bucket);
    let sweeper = Sweeper::new(store.clone(), store.locker());
    let options = SweepOptions::default().older_than(Duration::ZERO);
    let report = sweeper.sweep(&options).await.unwrap();
    assert_eq!(report.total().count, 1, "{report:?}");
    assert!(!left.bucket.keys().contains(&piece));
    left.go_on(5 * PART).await;
}
