//! Responses of the core.

mod answers;
mod concat;
mod empty_body;
mod failures;
mod gates;
mod metadata;
mod observed;
mod scope;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::header::ALLOW;
use http::request::Builder;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tower::ServiceExt;

use super::Core;
use crate::context::{Derived, Rollback, context};
use crate::protocol::{Body, Error, Length, Metadata, NewUpload, Outcome, UploadId};
use crate::store::{Handle, MemoryStore, Store, WriteMode};

async fn send(store: &MemoryStore, request: Request<Body>) -> Response<Body> {
    Core::new(store.clone()).oneshot(request).await.unwrap()
}

fn patch(id: &UploadId, offset: &str) -> Builder {
    Request::patch(format!("/{id}"))
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

fn empty(request: Builder) -> Request<Body> {
    request.body(Body::default()).unwrap()
}

/// A body of unknown length.
fn chunked(frames: &'static [&'static str]) -> Body {
    let frames = frames
        .iter()
        .map(|text| Ok::<_, Error>(Frame::data(Bytes::from(*text))));
    Body::new(StreamBody::new(stream::iter(frames)))
}

async fn create(store: &MemoryStore, length: u64) -> UploadId {
    let request = Request::post("/").header("Upload-Length", length);
    let response = send(store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    outcome(&response).upload.id.clone()
}

fn outcome(response: &Response<Body>) -> &Outcome {
    response
        .extensions()
        .get()
        .expect("the core sets an outcome")
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Error>().map_or("", Error::code)
}

#[tokio::test]
async fn a_creation_is_answered_with_its_place() {
    let store = MemoryStore::default();
    let request = Request::post("/").header("Upload-Length", "11");
    let response = send(&store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::CREATED, "CRE-14");
    let outcome = outcome(&response);
    assert!(outcome.created && !outcome.finished);
    let location = format!("/{}", outcome.upload.id);
    assert_eq!(response.headers()["location"], location, "CRE-15");
    assert_eq!(store.bytes(&outcome.upload.id).unwrap(), "", "CRE-16");
}

/// Returns the response of a lenient core to a creation with this metadata.
async fn lenient(metadata: &str, body: Body) -> Response<Body> {
    let core = Core::new(MemoryStore::default()).lenient();
    let request = Request::post("/").header("Upload-Length", "5");
    let request = request.header("Content-Type", "text/plain");
    let request = request.header("Upload-Metadata", metadata).body(body);
    core.oneshot(request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_lenient_core_keeps_what_it_can_read_of_metadata() {
    for (sent, kept) in [
        ("a YQ==, b,c !!!", Some("a YQ==,b")),
        ("a YQ==,a Yg==", Some("a Yg==")),
        (" a YQ== , b", Some(" a YQ== , b")),
        ("!!! !!! !!!,,", None),
    ] {
        let response = lenient(sent, Body::default()).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{sent:?}");
        let raw = outcome(&response).upload.metadata.raw().cloned();
        assert_eq!(raw.as_ref().map(|raw| raw.to_str().unwrap()), kept);
    }
}

#[tokio::test]
async fn a_lenient_core_takes_no_byte_of_a_body_of_another_type() {
    let response = lenient("", Bytes::from("a form").into()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(outcome(&response).upload.offset, 0);

    let core = Core::new(MemoryStore::default()).lenient();
    let request = Request::post("/").header("Upload-Length", "5");
    let request = request.header("Content-Type", "application/offset+octet-stream");
    let request = request.body(Body::from(Bytes::from("hello"))).unwrap();
    let response = core.oneshot(request).await.unwrap();
    assert_eq!(code(&response), "ERR_INVALID_CONTENT_TYPE", "CWU-03");
}

#[tokio::test]
async fn a_malformed_creation_makes_nothing() {
    let store = MemoryStore::default();
    let bad = [
        (vec![], "ERR_INVALID_UPLOAD_LENGTH"),
        (vec![("Upload-Length", "-1")], "ERR_INVALID_UPLOAD_LENGTH"),
        (vec![("Upload-Length", "")], "ERR_INVALID_UPLOAD_LENGTH"),
        (vec![("Upload-Length", "1e3")], "ERR_INVALID_UPLOAD_LENGTH"),
        (
            vec![("Upload-Length", "9223372036854775808")],
            "ERR_INVALID_UPLOAD_LENGTH",
        ),
        (
            vec![("Upload-Defer-Length", "0")],
            "ERR_INVALID_UPLOAD_LENGTH_DEFER",
        ),
        (
            vec![("Upload-Defer-Length", "true")],
            "ERR_INVALID_UPLOAD_LENGTH_DEFER",
        ),
        (
            vec![("Upload-Length", "1"), ("Upload-Defer-Length", "1")],
            "ERR_AMBIGUOUS_UPLOAD_LENGTH",
        ),
        (
            vec![("Upload-Length", "1"), ("Upload-Metadata", "a !")],
            "ERR_INVALID_METADATA",
        ),
        (
            vec![("Upload-Length", "1"), ("Upload-Metadata", "a,a")],
            "ERR_INVALID_METADATA",
        ),
        (
            vec![("Upload-Length", "1"), ("Upload-Concat", "partial")],
            "ERR_CONCATENATION_UNSUPPORTED",
        ),
    ];
    for (headers, expected) in bad {
        let request = headers
            .iter()
            .fold(Request::post("/"), |request, (name, value)| {
                request.header(*name, *value)
            });
        let response = send(&store, empty(request)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(code(&response), expected, "{headers:?}");
        assert!(!response.headers().contains_key("location"));
    }
    let request = Request::post("/").header("Upload-Length", "5");
    let response = send(&store, request.body("hello".into()).unwrap()).await;
    assert_eq!(
        response.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "AMB-08"
    );
    assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");
}

#[tokio::test]
async fn pieces_make_the_whole() {
    let store = MemoryStore::default();
    let id = create(&store, 11).await;
    for (offset, text, reached) in [("0", "hello", "5"), ("5", "", "5"), ("5", " world", "11")] {
        let response = send(&store, patch(&id, offset).body(text.into()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "CORE-26");
        assert_eq!(
            response.headers()["upload-offset"],
            reached,
            "CORE-27, CORE-28"
        );
        assert_eq!(outcome(&response).received, text.len() as u64);
        assert_eq!(outcome(&response).finished, reached == "11");
    }
    assert_eq!(store.bytes(&id).unwrap(), "hello world", "CORE-23");
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing() {
    let store = MemoryStore::default();
    let id = create(&store, 5).await;
    let plain = |offset| Request::patch(format!("/{id}")).header("Upload-Offset", offset);
    let unknown = UploadId::random();
    let bad = [
        (plain("0"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            plain("0").header("Content-Type", "text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (patch(&id, "abc"), StatusCode::BAD_REQUEST),
        (patch(&id, ""), StatusCode::BAD_REQUEST),
        (
            patch(&id, "0").header("Upload-Offset", "0"),
            StatusCode::BAD_REQUEST,
        ),
        (patch(&id, "1"), StatusCode::CONFLICT),
        (
            patch(&id, "0").header("Upload-Length", "6"),
            StatusCode::BAD_REQUEST,
        ),
        (patch(&unknown, "0"), StatusCode::NOT_FOUND),
    ];
    for (request, status) in bad {
        let response = send(&store, request.body("hello".into()).unwrap()).await;
        assert_eq!(response.status(), status, "{}", code(&response));
        assert_eq!(store.bytes(&id).unwrap(), "");
    }
    let response = send(&store, empty(patch(&id, "3"))).await;
    assert_eq!(response.headers()["upload-offset"], "0", "AMB-07");
}

#[tokio::test]
async fn too_much_is_refused_before_a_byte_is_read_where_that_is_known() {
    let store = MemoryStore::default();
    let id = create(&store, 5).await;
    let response = send(&store, patch(&id, "0").body("hello!".into()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "AMB-03");
    assert_eq!(store.bytes(&id).unwrap(), "");

    let response = send(
        &store,
        patch(&id, "0").body(chunked(&["hel", "lo!"])).unwrap(),
    )
    .await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "AMB-03");
    assert_eq!(store.bytes(&id).unwrap(), "hello");
    assert!(
        outcome(&response).finished,
        "the bytes up to the length are the whole"
    );
}

#[tokio::test]
async fn at_the_end_of_a_complete_upload_nothing_may_come() {
    let store = MemoryStore::default();
    let id = create(&store, 0).await;
    let bodies = [
        (Body::default(), StatusCode::NO_CONTENT),
        (chunked(&[]), StatusCode::NO_CONTENT),
        (chunked(&["", ""]), StatusCode::NO_CONTENT),
        (chunked(&["", "x"]), StatusCode::PAYLOAD_TOO_LARGE),
        ("x".into(), StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (body, status) in bodies {
        let response = send(&store, patch(&id, "0").body(body).unwrap()).await;
        assert_eq!(response.status(), status, "AMB-04");
        assert!(!outcome(&response).finished, "it was finished before");
    }
}

#[tokio::test]
async fn head_tells_where_an_upload_stands() {
    let store = MemoryStore::default();
    let raw = " a YQ== ,b";
    let request = Request::post("/")
        .header("Upload-Length", "5")
        .header("Upload-Metadata", raw);
    let id = outcome(&send(&store, empty(request)).await)
        .upload
        .id
        .clone();
    for (offset, text) in [("0", "hel"), ("3", "lo")] {
        let response = send(&store, empty(Request::head(format!("/{id}")))).await;
        assert_eq!(response.status(), StatusCode::OK, "CORE-21");
        assert_eq!(response.headers()["upload-offset"], offset, "CORE-17");
        assert_eq!(response.headers()["upload-length"], "5", "CORE-18");
        assert_eq!(response.headers()["upload-metadata"], raw, "CRE-12");
        assert_eq!(response.headers()["cache-control"], "no-store", "CORE-22");
        assert!(
            !response.headers().contains_key("upload-defer-length"),
            "CRE-03"
        );
        send(&store, patch(&id, offset).body(text.into()).unwrap()).await;
    }
    let response = send(&store, empty(Request::head("/unknown"))).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND, "CORE-19");
    assert!(!response.headers().contains_key("upload-offset"), "CORE-20");
    assert_eq!(response.headers()["cache-control"], "no-store", "CORE-22");
}

#[tokio::test]
async fn a_refused_chunk_declares_no_length() {
    let store = MemoryStore::default();
    let request = Request::post("/").header("Upload-Defer-Length", "1");
    let id = outcome(&send(&store, empty(request)).await)
        .upload
        .id
        .clone();
    let request = patch(&id, "0").header("Upload-Length", "4");
    let response = send(&store, request.body("hello".into()).unwrap()).await;
    assert_eq!(code(&response), "ERR_UPLOAD_SIZE_EXCEEDED", "AMB-03");
    assert_eq!(outcome(&response).upload.length, None);
    let upload = store.open(&id).await.unwrap();
    assert_eq!(upload.info().length, None);
}

#[tokio::test]
async fn a_deferred_length_is_declared_once() {
    let store = MemoryStore::default();
    let request = Request::post("/").header("Upload-Defer-Length", "1");
    let id = outcome(&send(&store, empty(request)).await)
        .upload
        .id
        .clone();
    send(&store, patch(&id, "0").body("hello".into()).unwrap()).await;

    let response = send(&store, empty(Request::head(format!("/{id}")))).await;
    assert_eq!(response.headers()["upload-defer-length"], "1", "DEF-02");
    assert!(!response.headers().contains_key("upload-length"), "CORE-18");

    let response = send(&store, empty(patch(&id, "5").header("Upload-Length", "4"))).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "DEF-04");
    let response = send(&store, empty(patch(&id, "5").header("Upload-Length", "5"))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "DEF-03");
    assert!(outcome(&response).finished, "DEF-05");
    for length in ["4", "6"] {
        let request = patch(&id, "5").header("Upload-Length", length);
        let response = send(&store, empty(request)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "CRE-09");
    }
}

#[tokio::test]
async fn cre_09_the_known_length_may_be_sent_again_with_every_patch() {
    let store = MemoryStore::default();
    for (name, value) in [("Upload-Length", "10"), ("Upload-Defer-Length", "1")] {
        let request = Request::post("/").header(name, value);
        let id = outcome(&send(&store, empty(request)).await)
            .upload
            .id
            .clone();
        for (offset, length, text, status) in [
            ("0", "10", "hello", 204),
            ("5", "10", "", 204),
            ("5", "11", "world", 400),
            ("5", "9", "", 400),
            ("5", "10", "world", 204),
            ("10", "10", "", 204),
            ("10", "10", "more", 413),
            ("10", "11", "", 400),
            ("10", "11", "m", 400),
            ("10", "9", "", 400),
        ] {
            let request = patch(&id, offset).header("Upload-Length", length);
            let response = send(&store, request.body(text.into()).unwrap()).await;
            let row = format!("{name}: {length} at {offset} with {text:?}");
            assert_eq!(response.status(), status, "{row}");
            if status == 400 {
                assert_eq!(code(&response), "ERR_INVALID_UPLOAD_LENGTH", "{row}");
            }
        }
        assert_eq!(store.bytes(&id).unwrap(), "helloworld");
    }
}

#[tokio::test]
async fn a_terminated_upload_is_gone() {
    let store = MemoryStore::default();
    let id = create(&store, 5).await;
    let response = send(&store, empty(Request::delete(format!("/{id}")))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "TERM-03");
    assert!(outcome(&response).terminated);
    for request in [
        Request::head(format!("/{id}")),
        Request::delete(format!("/{id}")),
        patch(&id, "0"),
    ] {
        let response = send(&store, empty(request)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "TERM-04");
    }
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let store = MemoryStore::default();
    let response = send(&store, empty(Request::get("/abc"))).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "OPTIONS, HEAD, PATCH, DELETE");
    let response = send(&store, empty(Request::delete("/"))).await;
    assert_eq!(response.headers()[ALLOW], "OPTIONS, POST");
}

/// A store without optional capabilities.
#[derive(Debug)]
struct Bare(MemoryStore);

#[async_trait]
impl Store for Bare {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }
}

/// Asserts that the core neither announces nor performs optional capabilities.
async fn assert_bare(core: Core) {
    let response = core
        .clone()
        .oneshot(empty(Request::options("/")))
        .await
        .unwrap();
    let lines: Vec<_> = response.headers().get_all("tus-extension").iter().collect();
    assert_eq!(lines, ["creation"]);

    let request = Request::post("/").header("Upload-Defer-Length", "1");
    let response = core.clone().oneshot(empty(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
    let response = core.oneshot(empty(Request::delete("/abc"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "OPTIONS, HEAD, PATCH");
}

#[tokio::test]
async fn what_the_store_cannot_do_is_neither_announced_nor_done() {
    assert_bare(Core::new(Bare(MemoryStore::default()))).await;
}

#[tokio::test]
async fn what_is_switched_off_is_as_if_the_store_could_not() {
    let store = MemoryStore::default();
    let core = Core::new(store.clone())
        .without_termination()
        .without_deferred_length();
    assert_bare(core.clone()).await;

    let id = create(&store, 5).await;
    let request = empty(Request::delete(format!("/{id}")));
    core.oneshot(request).await.unwrap();
    assert!(store.bytes(&id).is_some(), "it is still there");
}

#[tokio::test]
async fn a_length_that_was_deferred_before_it_was_switched_off_is_declared_as_ever() {
    let store = MemoryStore::default();
    let new = NewUpload::new(None, Metadata::default());
    let id = new.id.clone();
    store.create(new).await.unwrap();

    let core = Core::new(store).without_deferred_length();
    let request = patch(&id, "0").header("Upload-Length", "5");
    let request = request.body(Body::from("hello")).unwrap();
    let response = core.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "DEF-03");
    assert!(outcome(&response).finished);
}

#[tokio::test]
async fn a_chunk_is_kept_as_the_request_says() {
    let store = MemoryStore::default();
    let id = create(&store, 5).await;
    let broken = stream::iter([Ok(Frame::data(Bytes::from("hel"))), Err(Error::Interrupted)]);
    let request = patch(&id, "0").extension(context(|it| it.set_write_mode(WriteMode::Atomic)));
    let response = send(
        &store,
        request.body(Body::new(StreamBody::new(broken))).unwrap(),
    )
    .await;
    assert_eq!(code(&response), "ERR_UPLOAD_INTERRUPTED");
    assert_eq!(store.bytes(&id).unwrap(), "");
}

#[tokio::test]
async fn a_discarded_upload_is_gone_though_nobody_may_end_one() {
    let store = MemoryStore::default();
    let upload = NewUpload::new(Some(Length::from(5)), Metadata::default());
    let id = upload.id.clone();
    store.create(upload).await.unwrap();
    let (parts, ()) = Request::patch("/").body(()).unwrap().into_parts();
    let parts = Derived::Rollback(id.clone(), Rollback::Always).of(parts);
    let request = Request::from_parts(parts, Body::default());
    let core = Core::new(store.clone()).without_termination();
    let response = core.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.extensions().get::<Outcome>().unwrap().terminated);
    assert!(store.bytes(&id).is_none());
}
