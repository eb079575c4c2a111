//! How many calls a request makes.

use super::*;

#[tokio::test]
async fn a_small_request_makes_few_calls() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let id = create(&store, Some(12 * KIB)).await.info().id.clone();
    assert_eq!(bucket.calls(), ["put"], "creation");

    drop(store.open(&id).await.unwrap());
    assert_eq!(bucket.calls(), ["get"], "HEAD");

    for _ in 0..2 {
        let mut handle = store.open(&id).await.unwrap();
        patch(&mut *handle, 4 * KIB, WriteMode::Streaming)
            .await
            .unwrap();
        assert_eq!(bucket.calls(), ["get", "put"], "a PATCH of 4 KiB");
    }

    let mut handle = store.open(&id).await.unwrap();
    patch(&mut *handle, 4 * KIB, WriteMode::Streaming)
        .await
        .unwrap();
    assert_eq!(bucket.calls(), ["get", "put", "put"], "the last PATCH");
    assert_eq!(bucket.bytes(id.as_str()).unwrap(), bytes(0, 12 * KIB));
}

#[tokio::test]
async fn small_requests_do_not_write_the_tail_again_and_again() {
    let (bucket, length) = (Bucket::new(), 5 << 20);
    let store = ObjectStore::over(Arc::new(bucket.clone()));
    let id = create(&store, Some(length)).await.info().id.clone();
    for _ in 0..length / (4 * KIB) {
        let mut handle = store.open(&id).await.unwrap();
        patch(&mut *handle, 4 * KIB, WriteMode::Streaming)
            .await
            .unwrap();
    }
    assert!(bucket.bytes(id.as_str()).unwrap() == bytes(0, length));
    let written = bucket.written();
    assert!(written < 16 * length, "{written} bytes were written");
}
