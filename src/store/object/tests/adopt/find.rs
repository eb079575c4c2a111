//! How uploads of tusd are found, and read.

use super::*;
use tower_tus_layers::lock::Locker;
use tower_tus_layers::store::ListRequest;

#[tokio::test]
async fn to_look_changes_nothing() {
    for (parts, tail) in [(&[][..], 0), (&[], 7), (&[PART, 5 * KIB], 0), (&[PART], 7)] {
        let left = Left::new(&Bucket::new(), Some(9 * PART), parts, tail).await;
        let (before, client) = (left.all(), left.bucket.again());
        let store = store(&client);
        let handle = store.open(&left.id()).await.unwrap();
        let upload = handle.info();
        assert_eq!(upload.offset, left.at);
        assert_eq!(
            (&upload.id, upload.length),
            (&left.id(), Some(Length::saturating(9 * PART)))
        );
        assert_eq!(upload.metadata.get("filename"), Some(&b"a.txt"[..]));
        assert_eq!(upload.storage.as_ref().unwrap()["Type"], "s3store");
        assert!(!upload.is_complete());
        let mut calls = client.calls();
        calls.sort_unstable();
        assert_eq!(calls, ["get", "get", "head", "parts"]);
        assert!(left.all() == before, "something was changed");
    }
}

#[tokio::test]
async fn parts_come_in_pages() {
    let memory = Memory::new(Rules::S3).page(2);
    let left = Left::new(&Bucket::of(memory), Some(9 * PART), &[KIB; 5], 7).await;
    assert_eq!(left.open().await.info().offset, 5 * KIB + 7);
}

#[tokio::test]
async fn the_newest_of_its_objects_tells_when_it_was_changed() {
    let mut left = Left::new(&Bucket::new(), Some(9 * PART), &[], 0).await;
    let mut before = left.open().await.info().modified.unwrap();
    for is_part in [true, false] {
        std::thread::sleep(std::time::Duration::from_millis(2));
        match is_part {
            true => left.send(1, PART).await,
            false => left.keep(bytes(PART, PART + 5)).await,
        }
        let modified = left.open().await.info().modified.unwrap();
        assert!(modified > before);
        before = modified;
    }
}

#[tokio::test]
async fn an_upload_of_tusd_has_its_whole_id_alone() {
    let left = Left::new(&Bucket::new(), Some(5), &[], 3).await;
    let store = store(&left.bucket);
    for adopted in [false, true] {
        if adopted {
            let mut handle = left.open().await;
            patch(&mut *handle, 1, WriteMode::Streaming).await.unwrap();
        }
        for id in [OBJECT, &format!("{OBJECT}+other"), &format!("{OBJECT}+")] {
            let opened = store.open(&id.parse().unwrap()).await;
            assert!(matches!(opened, Err(Error::NotFound)), "{id}: {opened:?}");
        }
        for id in [left.id(), OBJECT.parse().unwrap()] {
            let mut new = new(Some(5));
            new.id = id;
            let created = store.create(new).await;
            assert!(matches!(created, Err(Error::UploadExists)), "{created:?}");
        }
    }
}

#[tokio::test]
async fn an_upload_of_ours_may_have_such_an_id() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    for id in ["a", "a+b", "a+b+c"] {
        let mut new = new(Some(5));
        new.id = id.parse().unwrap();
        let id = new.id.clone();
        store.create(new).await.unwrap();
        bucket.calls();
        store.open(&id).await.unwrap();
        assert_eq!(bucket.calls(), ["get"], "HEAD of {id}");
        super::super::go_on(&bucket, &id, 5).await;
    }
}

#[tokio::test]
async fn lists_have_the_whole_ids() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let mut ids = Vec::new();
    for (object, size) in [("b/1", 3), ("b/2", 0), ("d", 1)] {
        let left = Left::begin(&bucket, object, Some(5), &json!({})).await;
        left.keep(bytes(0, size)).await;
        ids.push(left.id());
    }
    for id in ["a", "b/1-x", "c"] {
        let mut new = new(Some(5));
        new.id = id.parse().unwrap();
        ids.push(new.id.clone());
        store.create(new).await.unwrap();
    }
    ids.sort();
    for limit in [1, 2, 10] {
        assert_eq!(listed(&store, "", limit).await, ids);
    }
    let expected: Vec<_> = ids
        .iter()
        .filter(|id| id.as_str().starts_with("b/1"))
        .collect();
    assert_eq!(
        listed(&store, "b/1", 1).await.iter().collect::<Vec<_>>(),
        expected
    );
    for end in [1, 4] {
        let prefix = &ids[1].as_str()[..3 + end];
        assert_eq!(listed(&store, prefix, 5).await, ids[1..2], "{prefix}");
    }
    assert_eq!(listed(&store, "b/1+x", 5).await, []);
}

async fn listed(store: &ObjectStore, prefix: &str, limit: usize) -> Vec<UploadId> {
    let (mut ids, mut request) = (
        Vec::new(),
        ListRequest::default().prefix(prefix).limit(limit),
    );
    loop {
        let page = store.lister().unwrap().list(&request).await.unwrap();
        assert!(page.unreadable.is_empty());
        ids.extend(page.uploads.into_iter().map(|upload| upload.id));
        let Some(next) = page.next else {
            return ids;
        };
        request = request.after(next);
    }
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_an_upload_of_tusd_is_held_by_its_id() {
    let left = Left::new(&Bucket::new(), Some(9 * PART), &[PART], 5).await;
    let (one, other) = (store(&left.bucket), store(&left.bucket.again()));
    let acquire = async |store: &ObjectStore, interrupt: &Interrupt| {
        let (locker, timeout) = (store.locker(), std::time::Duration::from_secs(5));
        locker.acquire(&left.id(), interrupt.clone(), timeout).await
    };
    let interrupt = Interrupt::default();
    let guard = acquire(&one, &interrupt).await.unwrap();
    left.bucket.calls();
    let mut handle = one.open(&left.id()).await.unwrap();
    assert_eq!(left.bucket.calls(), [""; 0], "the lock has read it");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(one.open(&left.id()).await.unwrap().info().offset, left.at);
    let newcomer = Interrupt::default();
    let waiting = acquire(&other, &newcomer);
    let ending = async {
        interrupt.fired().await;
        patch(&mut *handle, 7, WriteMode::Streaming).await.unwrap();
        guard.release().await;
    };
    let (acquired, ()) = tokio::join!(waiting, ending);
    let found = other.open(&left.id()).await.unwrap();
    assert_eq!(found.info().offset, left.at + 7);
    acquired.unwrap().release().await;
    left.go_on(9 * PART).await;
}

#[tokio::test]
async fn a_lock_of_another_upload_opens_nothing() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let mut new = new(Some(5));
    new.id = "a".parse().unwrap();
    let id = new.id.clone();
    store.create(new).await.unwrap();
    let (interrupt, timeout) = (Interrupt::default(), std::time::Duration::ZERO);
    let guard = store.locker().acquire(&id, interrupt, timeout).await;
    let opened = store.open(&"a+b".parse().unwrap()).await;
    assert!(matches!(opened, Err(Error::NotFound)), "{opened:?}");
    drop(guard.unwrap());
}
