//! Conditional requests.

use super::*;

#[tokio::test]
async fn the_tag_is_that_of_the_bytes() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], "hello").await;
    let tag = async || {
        let response = get(&store, &id, HeaderMap::new()).await;
        header(&response, "etag").to_owned()
    };
    let first = tag().await;
    assert!(
        first.starts_with('"') && first.ends_with('"'),
        "it is strong: {first}"
    );
    let finishing = FinishState::Pending { attempts: 1 };
    store
        .open(&id)
        .await
        .unwrap()
        .record(finishing)
        .await
        .unwrap();
    assert_eq!(tag().await, first, "the same bytes");
    append(&store, &id, " world").await;
    let grown = tag().await;
    assert_ne!(grown, first, "it has grown");

    store.terminator().unwrap().terminate(&id).await.unwrap();
    let mut new = NewUpload::new(Some(Length::from(11)), Metadata::EMPTY);
    new.id = id.clone();
    store.create(new).await.unwrap();
    append(&store, &id, "HELLO WORLD").await;
    assert_ne!(tag().await, grown, "it was made again, of other bytes");
}

/// An upload of eleven bytes, and its validators.
struct Known {
    store: MemoryStore,
    id: UploadId,
    tag: String,
    modified: SystemTime,
}

impl Known {
    async fn new() -> Self {
        let store = MemoryStore::default();
        let id = upload(&store, &[], TEXT).await;
        let response = get(&store, &id, HeaderMap::new()).await;
        let tag = header(&response, "etag").to_owned();
        let modified: LastModified = response.headers().typed_get().unwrap();
        Self {
            store,
            id,
            tag,
            modified: modified.into(),
        }
    }

    /// Returns the status of the response to a request with these headers.
    async fn status<const N: usize>(
        &self,
        headers: [(&'static str, &str); N],
        since: Option<IfModifiedSince>,
        not_since: Option<IfUnmodifiedSince>,
    ) -> u16 {
        let mut asked = with(headers);
        since
            .into_iter()
            .for_each(|since| asked.typed_insert(since));
        not_since
            .into_iter()
            .for_each(|since| asked.typed_insert(since));
        let response = get(&self.store, &self.id, asked).await;
        assert_eq!(header(&response, "etag"), self.tag);
        let status = response.status().as_u16();
        let content = [200, 206].contains(&status);
        assert_eq!(response.headers().contains_key("content-type"), content);
        assert_eq!(text(response).await.is_empty(), !content);
        status
    }
}

#[tokio::test]
async fn conditions_by_tag_hold_or_do_not() {
    let known = Known::new().await;
    let (tag, weak) = (known.tag.clone(), format!("W/{}", known.tag));
    let list = format!("\"a\", {tag} ,W/\"b\"");
    for (tags, if_match, if_none_match) in [
        (tag.as_str(), 200, 304),
        (&list, 200, 304),
        ("*", 200, 304),
        (&weak, 412, 304),
        ("\"a\"", 412, 200),
        ("\"a b\"", 412, 200),
        ("", 412, 200),
        (tag.trim_matches('"'), 412, 200),
    ] {
        let status = known.status([("if-match", tags)], None, None).await;
        assert_eq!(status, if_match, "If-Match: {tags}");
        let status = known.status([("if-none-match", tags)], None, None).await;
        assert_eq!(status, if_none_match, "If-None-Match: {tags}");
    }
}

#[tokio::test]
async fn conditions_by_time_hold_or_do_not() {
    let known = Known::new().await;
    for (time, modified, unmodified) in [
        (known.modified - SECOND, 200, 412),
        (known.modified, 304, 200),
        (known.modified + SECOND, 304, 200),
    ] {
        assert_eq!(known.status([], Some(time.into()), None).await, modified);
        assert_eq!(known.status([], None, Some(time.into())).await, unmodified);
    }
    for no_date in ["", "yesterday", "2026-01-01"] {
        let headers = [
            ("if-modified-since", no_date),
            ("if-unmodified-since", no_date),
        ];
        assert_eq!(known.status(headers, None, None).await, 200, "{no_date}");
    }
}

#[tokio::test]
async fn conditions_are_asked_in_their_order() {
    let known = Known::new().await;
    let (tag, other) = (known.tag.as_str(), "\"a\"");
    let (before, after) = (known.modified - SECOND, known.modified + SECOND);
    let ask = async |headers: [_; 2], since: Option<SystemTime>, not_since: Option<SystemTime>| {
        let (since, not_since) = (since.map(Into::into), not_since.map(Into::into));
        known.status(headers, since, not_since).await
    };
    let range = ("range", "bytes=0-1");
    assert_eq!(
        ask([("if-match", tag), range], None, Some(before)).await,
        206,
        "a tag is better than a time"
    );
    assert_eq!(
        ask([("if-none-match", other), range], Some(after), None).await,
        206,
        "and here"
    );
    assert_eq!(
        ask([("if-none-match", tag), range], Some(before), None).await,
        304
    );
    assert_eq!(
        ask([("if-match", other), ("if-none-match", tag)], None, None).await,
        412,
        "412 is first"
    );
    assert_eq!(
        ask([("if-match", tag), ("if-none-match", tag)], None, None).await,
        304
    );
    assert_eq!(
        ask([("if-none-match", tag), ("range", "bytes=99-")], None, None).await,
        304,
        "a range is last"
    );
    assert_eq!(
        ask([("if-match", tag), ("range", "bytes=99-")], None, None).await,
        416
    );
}

#[tokio::test]
async fn a_part_is_given_to_who_has_the_rest_of_it() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], "hello").await;
    let response = get(&store, &id, HeaderMap::new()).await;
    let (tag, modified) = (
        header(&response, "etag"),
        header(&response, "last-modified"),
    );
    for (had, status) in [
        (tag, 206),
        (modified, 206),
        (&format!("W/{tag}"), 200),
        ("\"a\"", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 200),
        ("", 200),
    ] {
        for (range, status) in [
            ("bytes=2-", status),
            ("bytes=9-", if status == 206 { 416 } else { 200 }),
        ] {
            let response = get(&store, &id, with([("range", range), ("if-range", had)])).await;
            assert_eq!(response.status(), status, "{had}: {range}");
        }
    }
    append(&store, &id, " world").await;
    let response = get(
        &store,
        &id,
        with([("range", "bytes=2-"), ("if-range", tag)]),
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK, "it has grown");
    assert_eq!(text(response).await, TEXT);
}
