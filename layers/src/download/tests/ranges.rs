//! Ranges of uploads.

use super::*;

#[tokio::test]
async fn a_range_is_a_part() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    for (range, told, part) in [
        ("bytes=0-4", "bytes 0-4/11", "hello"),
        ("bytes=6-", "bytes 6-10/11", "world"),
        ("bytes=-5", "bytes 6-10/11", "world"),
        ("bytes=0-", "bytes 0-10/11", TEXT),
        ("bytes=2-2,50-60", "bytes 2-2/11", "l"),
    ] {
        let response = get(&store, &id, with([("range", range)])).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&response, "content-range"), told);
        assert_eq!(
            header(&response, "content-type"),
            "application/octet-stream"
        );
        assert_eq!(text(response).await, part, "{range}");
    }
}

#[tokio::test]
async fn several_ranges_are_parts_of_one_body() {
    let store = MemoryStore::default();
    let id = upload(&store, &[("filetype", "text/plain")], TEXT).await;
    let response = get(&store, &id, with([("range", "bytes=-1, 0-1,4-6")])).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&response, "content-range"), "");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    let content_type = header(&response, "content-type").to_owned();
    let boundary = content_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let mut expected = String::new();
    for (range, part) in [("10-10", "d"), ("0-1", "he"), ("4-6", "o w")] {
        expected += &format!("\r\n--{boundary}\r\nContent-Type: text/plain\r\n");
        expected += &format!("Content-Range: bytes {range}/11\r\n\r\n{part}");
    }
    expected += &format!("\r\n--{boundary}--\r\n");
    assert_eq!(text(response).await, expected);

    let again = get(&store, &id, with([("range", "bytes=0-0,2-2")])).await;
    assert_ne!(
        header(&again, "content-type"),
        content_type,
        "nobody can guess it"
    );
}

#[tokio::test]
async fn what_is_beyond_the_end_cannot_be_had() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], "hello").await;
    let response = get(&store, &id, with([("range", "bytes=5-")])).await;
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&response, "content-range"), "bytes */5");
    assert_eq!(text(response).await, "");
}
