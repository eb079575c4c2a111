use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use headers::{HeaderMapExt, IfModifiedSince, IfUnmodifiedSince, LastModified};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

use super::DownloadLayer;
use crate::gate::{Gate, Gates};
use crate::protocol::{
    Action, Body, Concat, Error, Finishing, Metadata, NewUpload, Outcome, Role, Upload, UploadId,
};
use crate::service::Core;
use crate::store::{Content, Handle, Keep, MemoryStore, Read, Store};

const TEXT: &str = "hello world";
const SECOND: Duration = Duration::from_secs(1);

async fn append(store: &impl Store, id: &UploadId, text: &'static str) {
    let mut handle = store.open(id).await.unwrap();
    let chunk = pin!(Body::from(text));
    let appended = handle.append(chunk, Keep::AsItArrives).await;
    assert!(appended.error.is_none());
}

/// An upload of eleven bytes, of which these are stored.
async fn upload(store: &impl Store, metadata: &[(&str, &str)], text: &'static str) -> UploadId {
    let metadata = Metadata::from_pairs(metadata.iter().copied()).unwrap();
    let new = NewUpload::new(Some(TEXT.len() as u64), metadata);
    let id = store.create(new).await.unwrap().info().id.clone();
    append(store, &id, text).await;
    id
}

fn ask(id: &UploadId) -> Request<Body> {
    Request::get(format!("/{id}"))
        .body(Body::default())
        .unwrap()
}

async fn get(store: &(impl Store + Clone), id: &UploadId, asked: HeaderMap) -> Response<Body> {
    let mut request = ask(id);
    *request.headers_mut() = asked;
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store.clone()));
    service.oneshot(request).await.unwrap()
}

fn with<const N: usize>(headers: [(&'static str, &str); N]) -> HeaderMap {
    let headers = headers.map(|(name, value)| {
        let value = value.parse().unwrap();
        (HeaderName::from_static(name), value)
    });
    headers.into_iter().collect()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The body, which is as long as the head says.
async fn text(response: Response<Body>) -> String {
    let told = header(&response, "content-length").parse().ok();
    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), told.or(Some(0)));
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, told.unwrap_or(0));
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn an_upload_is_given_out_whole() {
    let store = MemoryStore::default();
    let id = upload(
        &store,
        &[("filetype", "image/png"), ("filename", "a.png")],
        TEXT,
    )
    .await;
    let response = get(&store, &id, HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\"a.png\""),
        ("content-length", "11"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-range", ""),
        ("cache-control", ""),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    let outcome: &Outcome = response.extensions().get().unwrap();
    assert_eq!((&outcome.upload.id, outcome.upload.offset), (&id, 11));
    assert_eq!(text(response).await, TEXT);
}

#[tokio::test]
async fn of_an_unfinished_upload_there_is_what_is_stored() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], "hello").await;
    let response = get(&store, &id, HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "cache-control"), "no-cache");
    assert_eq!(text(response).await, "hello");
}

/// What a layer that gives out finished uploads alone has to say about one.
async fn refusal(store: &MemoryStore, new: NewUpload, text: &'static str) -> Option<&'static str> {
    let id = store.create(new).await.unwrap().info().id.clone();
    append(store, &id, text).await;
    let layer = DownloadLayer::new(Arc::new(store.clone())).only_finished();
    let response = layer.layer(Core::new(store.clone())).oneshot(ask(&id));
    let response = response.await.unwrap();
    assert!(response.extensions().get::<Outcome>().is_some());
    response.extensions().get().map(Error::code)
}

#[tokio::test]
async fn unfinished_uploads_may_be_refused() {
    let store = MemoryStore::default();
    let new = || NewUpload::new(Some(5), Metadata::EMPTY);
    assert_eq!(refusal(&store, new(), "hello").await, None);
    let incomplete = Some("ERR_INCOMPLETE_UPLOAD");
    assert_eq!(refusal(&store, new(), "hell").await, incomplete);
    let mut unfinished = new();
    unfinished.finishing = Some(Finishing::Pending { attempts: 1 });
    assert_eq!(refusal(&store, unfinished, "hello").await, incomplete);
    let deferred = NewUpload::new(None, Metadata::EMPTY);
    assert_eq!(refusal(&store, deferred, "hello").await, incomplete);
}

/// A store that says of every upload that it is a final which is pending.
#[derive(Clone, Debug)]
struct AllPending(MemoryStore);

#[async_trait]
impl Store for AllPending {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }

    fn read(&self) -> Option<&dyn Read> {
        Some(self)
    }
}

#[async_trait]
impl Read for AllPending {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let mut upload = Upload::new(id.clone());
        upload.length = Some(0);
        let (parts, pending) = (vec![], true);
        upload.concat = Some(Concat::new(Role::Final { parts, pending }, None));
        Ok(Box::new(Broken {
            upload,
            reads: |_| unreachable!(),
        }))
    }
}

#[tokio::test]
async fn of_a_pending_final_there_is_nothing() {
    let store = AllPending(MemoryStore::default());
    let id = UploadId::random();
    let response = get(&store, &id, with([("range", "bytes=0-")])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-length"), "0");
    assert_eq!(text(response).await, "");

    let layer = DownloadLayer::new(Arc::new(store.clone())).only_finished();
    let response = layer
        .layer(Core::new(store))
        .oneshot(ask(&id))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_upload_that_is_not_there_is_not_found() {
    let response = get(
        &MemoryStore::default(),
        &UploadId::random(),
        HeaderMap::new(),
    )
    .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

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
    let finishing = Finishing::Pending { attempts: 1 };
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

    store.terminate().unwrap().terminate(&id).await.unwrap();
    let mut new = NewUpload::new(Some(11), Metadata::EMPTY);
    new.id = id.clone();
    store.create(new).await.unwrap();
    append(&store, &id, "HELLO WORLD").await;
    assert_ne!(tag().await, grown, "it was made again, of other bytes");
}

/// One upload of eleven bytes, and what a client knows of it.
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

    /// The status, when these tags and times are asked for.
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

/// A gate that notes what is done to which upload, and refuses.
#[derive(Debug, Default)]
struct Refuses(Mutex<Vec<(UploadId, Action)>>);

#[async_trait]
impl Gate for Refuses {
    async fn opened(&self, _: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        self.0.lock().unwrap().push((upload.id.clone(), action));
        Err(Error::Rejected)
    }
}

#[tokio::test]
async fn a_gate_may_refuse() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    let gate = Arc::new(Refuses::default());
    let mut request = ask(&id);
    Gates::add(request.extensions_mut(), Arc::clone(&gate) as Arc<dyn Gate>);
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store));
    let response = service.oneshot(request).await.unwrap();
    assert!(matches!(response.extensions().get(), Some(Error::Rejected)));
    assert_eq!(text(response).await, "");
    assert_eq!(*gate.0.lock().unwrap(), [(id, Action::Read)]);
}

#[tokio::test]
async fn all_else_goes_inwards() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store));
    for (method, path, status) in [
        (Method::HEAD, format!("/{id}"), StatusCode::OK),
        (Method::OPTIONS, format!("/{id}"), StatusCode::OK),
        (Method::GET, "/".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/a//b".to_owned(), StatusCode::NOT_FOUND),
        (Method::DELETE, format!("/{id}"), StatusCode::NO_CONTENT),
    ] {
        let request = Request::builder().method(&method).uri(&path);
        let request = request.body(Body::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        assert!(
            !response.headers().contains_key("content-length"),
            "{method}"
        );
        let extensions = header(&response, "tus-extension");
        assert!(!extensions.contains("download"), "{extensions}");
    }
}

/// Content that tells of eleven bytes, and reads as it is told.
#[derive(Debug)]
struct Broken {
    upload: Upload,
    reads: fn(Range<u64>) -> Result<Bytes, Error>,
}

#[async_trait]
impl Content for Broken {
    fn info(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        None
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        (self.reads)(range)
    }
}

/// What such content is given out as.
fn broken(reads: fn(Range<u64>) -> Result<Bytes, Error>) -> Response<Body> {
    let mut upload = Upload::new(UploadId::random());
    upload.offset = 11;
    let content = Box::new(Broken { upload, reads });
    super::representation::represent(&with([("if-match", "*")]), content)
}

#[tokio::test]
async fn without_a_time_of_change_there_are_no_validators() {
    let response = broken(|_| Ok(Bytes::from(TEXT)));
    assert_eq!(header(&response, "etag"), "");
    assert_eq!(header(&response, "last-modified"), "");
    assert_eq!(text(response).await, TEXT);
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_body_with_it() {
    let reads: [fn(Range<u64>) -> Result<Bytes, Error>; 3] = [
        |range| match range.start {
            0 => Ok(Bytes::from("hello")),
            _ => Err(Error::internal("the disk is broken")),
        },
        |range| Ok(Bytes::from(if range.start == 0 { "hello" } else { "" })),
        |range| {
            Ok(Bytes::from(if range.start == 0 {
                "hello"
            } else {
                "much too much"
            }))
        },
    ];
    for reads in reads {
        let mut body = broken(reads).into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "hello");
        assert!(!body.is_end_stream());
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.code(), "ERR_INTERNAL_SERVER_ERROR");
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn nothing_is_read_before_it_is_asked_for() {
    static READS: Mutex<Vec<Range<u64>>> = Mutex::new(Vec::new());
    let response = broken(|range| {
        READS.lock().unwrap().push(range);
        Ok(Bytes::from_static(&TEXT.as_bytes()[..1]))
    });
    let mut body = response.into_body();
    assert_eq!(*READS.lock().unwrap(), []);
    let mut cx = Context::from_waker(Waker::noop());
    for asked in 1..=11 {
        let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(&mut cx) else {
            panic!("it is there");
        };
        assert_eq!(READS.lock().unwrap().len(), asked);
    }
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn a_time_to_come_is_not_told() {
    #[derive(Debug)]
    struct FromTheFuture(Upload);

    #[async_trait]
    impl Content for FromTheFuture {
        fn info(&self) -> &Upload {
            &self.0
        }

        fn modified(&self) -> Option<SystemTime> {
            Some(SystemTime::now() + SECOND * 1_000)
        }

        async fn bytes(&self, _: Range<u64>) -> Result<Bytes, Error> {
            unreachable!("it is empty")
        }
    }

    let content = FromTheFuture(Upload::new(UploadId::random()));
    let response = super::representation::represent(&HeaderMap::new(), Box::new(content));
    let modified: LastModified = response.headers().typed_get().unwrap();
    let modified = SystemTime::from(modified);
    assert!(modified <= SystemTime::now() && modified > UNIX_EPOCH);
}
