//! Uploads that cannot be continued stay as they are.

use tower_tus_layers::lock::Locker;

use super::*;

/// Uploads that tusd would make a corrupt object of.
async fn broken() -> Vec<Left> {
    let length = Some(9 * PART);
    let mut gap = Left::new(&Bucket::new(), length, &[PART], 0).await;
    gap.send(3, PART).await;
    let mut first = Left::begin(&Bucket::new(), OBJECT, length, &json!({})).await;
    first.send(2, PART).await;
    let large = Left::new(&Bucket::new(), Some(PART), &[PART], 3).await;
    let other = Left::new(&Bucket::new(), Some(PART), &[PART - 1], 0).await;
    other.complete().await;
    let rules = Rules {
        equal_parts: true,
        ..Rules::S3
    };
    let sizes = [PART, PART + 1];
    let unequal = Left::new(&Bucket::with(rules), length, &sizes, 0).await;
    vec![gap, first, large, other, unequal]
}

#[tokio::test]
async fn an_upload_that_contradicts_itself_has_failed_and_is_not_changed() {
    for left in broken().await {
        let before = left.all();
        let mut handle = left.open().await;
        assert!(handle.info().is_failed(), "{:?}", handle.info());
        let appended = append(&mut *handle, 5, None, WriteMode::Streaming).await;
        let error = appended.error.unwrap();
        assert!(matches!(error.error(), Error::UploadFailed), "{error:?}");
        assert_eq!(error.error().status(), 410);
        handle
            .declare_length(Length::from(5))
            .await
            .expect_err("nothing is written");
        assert!(left.all() == before, "something was changed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_held_for_long_writes_nothing_either() {
    for left in broken().await {
        let (before, store) = (left.all(), store(&left.bucket));
        let timeout = std::time::Duration::from_secs(5);
        let interrupt = Interrupt::default();
        let guard = store.locker().acquire(&left.id(), interrupt, timeout).await;
        tokio::time::sleep(timeout).await;
        guard.unwrap().release().await;
        assert!(left.all() == before, "something was changed");
    }
}

#[tokio::test]
async fn an_upload_that_contradicts_itself_can_be_terminated() {
    for left in broken().await {
        let object = left.bucket.bytes(OBJECT);
        left.terminate().await.unwrap();
        assert_eq!(left.bucket.bytes(OBJECT), object);
        assert_eq!(left.bucket.multiparts_left(), 0);
        let keys = left.bucket.keys();
        assert!(keys.iter().all(|key| key == OBJECT), "{keys:?}");
    }
}

/// Puts what tusd keeps in other clouds.
async fn in_other_cloud(kind: &str, id: &str) -> Bucket {
    let bucket = Bucket::new();
    let info = json!({
        "ID": id, "Size": 5, "SizeIsDeferred": false, "Offset": 3, "MetaData": {},
        "IsPartial": false, "IsFinal": false, "PartialUploads": null,
        "Storage": {"Bucket": "b", "Container": "b", "Key": id, "Type": kind},
    });
    let none = Properties::default();
    let info = Payload::from(info.to_string());
    let key = format!("{id}.info");
    bucket.put(&key, info, When::Always, &none).await.unwrap();
    bucket
}

#[tokio::test]
async fn half_an_upload_of_another_cloud_is_left_to_tusd() {
    for kind in ["gcsstore", "azurestore"] {
        for id in ["a", "a+b"] {
            let bucket = in_other_cloud(kind, id).await;
            bucket.put_foreign(&format!("{id}_0"), b"hel").await;
            let (before, store) = (bucket.keys(), store(&bucket));
            let id: UploadId = id.parse().unwrap();
            let opened = store.open(&id).await.unwrap_err();
            assert_eq!(
                (opened.status().as_u16(), opened.code()),
                (410, "ERR_UPLOAD_OF_TUSD")
            );
            assert!(opened.to_string().contains("only tusd can continue"));
            let terminated = store.terminator().unwrap().terminate(&id).await;
            assert!(matches!(terminated, Err(Error::Custom(_))));
            let page = store.lister().unwrap().list(&Default::default()).await;
            assert_eq!(page.unwrap().unreadable[0].0, id);
            assert_eq!(bucket.keys(), before);
        }
    }
}

#[tokio::test]
async fn what_tusd_has_finished_in_another_cloud_is_read_here() {
    for kind in ["gcsstore", "azurestore"] {
        for id in ["a", "a+b"] {
            let bucket = in_other_cloud(kind, id).await;
            bucket.put_foreign(id, b"hello").await;
            let (store, id) = (store(&bucket), id.parse().unwrap());
            let content = store.reader().unwrap().read(&id).await.unwrap();
            assert!(content.upload().is_finished());
            assert_eq!(content.bytes(0..5).await.unwrap(), "hello");
            store.terminator().unwrap().terminate(&id).await.unwrap();
            assert_eq!(bucket.keys(), [""; 0]);
        }
    }
}
