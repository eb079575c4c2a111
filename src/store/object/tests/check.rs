//! What `check` and downloads find.

use bytes::Bytes;
use http::HeaderMap;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::{ListRequest, Store, WriteMode};

use super::bucket::Bucket;
use super::{KIB, PART, bytes, create, patch, store};
use crate::store::object::objects::{Objects, Payload, Properties, When};

/// Names what is wrong with the uploads of a bucket.
async fn problems(bucket: &Bucket) -> Vec<String> {
    let checked = store(bucket).check(&ListRequest::default()).await.unwrap();
    let findings = checked.findings.iter();
    findings
        .map(|finding| finding.problem.as_str().to_owned())
        .collect()
}

async fn put(bucket: &Bucket, key: &str, bytes: impl Into<Payload>) {
    let none = Properties::default();
    let put = bucket.put(key, bytes.into(), When::Always, &none);
    put.await.unwrap();
}

#[tokio::test]
async fn uploads_whose_bytes_are_where_they_should_be_are_right() {
    let bucket = Bucket::new();
    for len in [0, KIB, 100 * KIB, PART, 3 * PART + 100 * KIB] {
        let mut handle = create(&store(&bucket), Some(len)).await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
        let mut handle = create(&store(&bucket), Some(len + 4 * PART)).await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
    }
    assert_eq!(problems(&bucket).await, [""; 0]);
}

#[tokio::test]
async fn a_finished_object_that_is_gone_or_another_is_found() {
    let bucket = Bucket::new();
    let mut handle = create(&store(&bucket), Some(KIB)).await;
    patch(&mut *handle, KIB, WriteMode::Streaming)
        .await
        .unwrap();
    let key = handle.info().id.as_str();
    put(&bucket, key, "short").await;
    assert_eq!(problems(&bucket).await, ["too-short"]);
    bucket.delete(key).await.unwrap();
    assert_eq!(problems(&bucket).await, ["gone"]);
    put(&bucket, &format!("{key}.info"), "not JSON").await;
    assert_eq!(problems(&bucket).await, ["unreadable"]);
}

#[tokio::test]
async fn parts_and_pieces_that_are_gone_are_found() {
    for len in [100 * KIB, 2 * PART] {
        let bucket = Bucket::new();
        let mut handle = create(&store(&bucket), Some(4 * PART)).await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
        let id = handle.info().id.as_str();
        for key in bucket.keys().iter().filter(|key| key.ends_with(".part")) {
            bucket.delete(key).await.unwrap();
        }
        for multipart in bucket.multiparts("", None).await.unwrap().multiparts {
            bucket.abort(id, &multipart.id).await.unwrap();
        }
        assert_eq!(problems(&bucket).await, ["part-gone"], "{len}");
    }
}

#[tokio::test]
async fn a_part_that_was_stored_twice_is_right_and_one_of_another_size_is_found() {
    for new in Bucket::KINDS {
        let bucket = new();
        let mut handle = create(&store(&bucket), Some(4 * PART)).await;
        patch(&mut *handle, PART, WriteMode::Streaming)
            .await
            .unwrap();
        let key = handle.info().id.as_str();
        let begun = bucket.multiparts("", None).await.unwrap().multiparts;
        let send = async |bytes: Bytes| bucket.put_part(key, &begun[0].id, 1, bytes.into()).await;
        send(bytes(0, PART)).await.unwrap();
        assert_eq!(problems(&bucket).await, [""; 0]);
        send(bytes(0, PART - 1)).await.unwrap();
        assert_eq!(problems(&bucket).await, ["part-gone"]);
    }
}

#[tokio::test]
async fn a_download_ends_when_another_object_takes_the_place() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let mut handle = create(&store, Some(PART)).await;
    patch(&mut *handle, PART, WriteMode::Streaming)
        .await
        .unwrap();
    let id = handle.info().id.clone();
    let content = store.reader().unwrap().read(&id).await.unwrap();
    assert_eq!(content.bytes(0..5).await.unwrap(), bytes(0, 5));
    put(&bucket, id.as_str(), bytes(1, PART + 1)).await;
    let read = content.bytes(5..10).await;
    assert!(matches!(read, Err(Error::NotFound)), "{read:?}");
}

#[tokio::test]
async fn bytes_in_parts_are_not_served_before_they_are_joined() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let mut handle = create(&store, Some(4 * PART)).await;
    patch(&mut *handle, 2 * PART, WriteMode::Streaming)
        .await
        .unwrap();
    let read = store.reader().unwrap().read(&handle.info().id).await;
    assert!(matches!(read, Err(Error::IncompleteUpload)), "{read:?}");
}

#[tokio::test]
async fn only_finished_uploads_have_a_url_of_their_own() {
    let bucket = Bucket::new();
    for (redirects, len, is_there) in [(true, KIB, true), (true, 5, false), (false, KIB, false)] {
        let mut store = store(&bucket);
        if redirects {
            store = store.redirect_downloads(std::time::Duration::from_secs(60));
        }
        let mut handle = create(&store, Some(KIB)).await;
        patch(&mut *handle, len, WriteMode::Streaming)
            .await
            .unwrap();
        let content = store.reader().unwrap().read(&handle.info().id).await;
        let url = content.unwrap().redirect(&HeaderMap::new()).await.unwrap();
        assert_eq!(url.is_some(), is_there, "{redirects} {len}");
    }
}
