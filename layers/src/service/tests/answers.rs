//! The answer to a finish, which is kept and given again.

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, SET_COOKIE};
use http::request::{Builder, Parts};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

use super::{code, empty, outcome, patch};
use crate::gate::{Gate, GateLayer};
use crate::protocol::header::{TUS_RESUMABLE, UPLOAD_OFFSET};
use crate::protocol::{Action, Body, Error, ResponseOverride, Upload, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// A gate that answers the finish of an upload.
#[derive(Clone, Debug)]
struct Answering {
    decides: bool,
    answer: ResponseOverride,
    /// Whether it refuses to finish the upload.
    refuses: bool,
    /// Which action it admits to nobody.
    closed: Option<Action>,
}

#[async_trait]
impl Gate for Answering {
    async fn opened(&self, _: &Parts, _: &Upload, action: Action) -> Result<(), Error> {
        match self.closed == Some(action) {
            true => Err(Error::Rejected),
            false => Ok(()),
        }
    }

    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        match self.refuses {
            true => Err(Error::Rejected),
            false => Ok(()),
        }
    }

    fn answer(&self, _: &Parts, _: &Upload) -> ResponseOverride {
        self.answer.clone()
    }

    fn decides_completion(&self) -> bool {
        self.decides
    }
}

fn answering(answer: ResponseOverride) -> Answering {
    Answering {
        decides: true,
        answer,
        refuses: false,
        closed: None,
    }
}

fn well_done() -> ResponseOverride {
    let value = HeaderValue::from_static;
    ResponseOverride::default()
        .with_status(StatusCode::ACCEPTED)
        .with_header(CONTENT_TYPE, value("application/json"))
        .with_header(SET_COOKIE, value("b=2"))
        .with_header(SET_COOKIE, value("a=1"))
        .with_body("{}")
}

/// A response as the client gets it.
#[derive(Debug, PartialEq)]
struct Got(StatusCode, Vec<(String, HeaderValue)>, Bytes);

async fn got(response: Response<Body>) -> Got {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.clone()));
    let headers = headers.collect();
    let body = body.collect().await.unwrap().to_bytes();
    Got(parts.status, headers, body)
}

struct Scene {
    store: MemoryStore,
    gate: Answering,
}

impl Scene {
    fn new(gate: Answering) -> Self {
        let store = MemoryStore::default();
        Self { store, gate }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let core = Core::new(self.store.clone());
        let service = GateLayer::new(self.gate.clone()).layer(core);
        service.oneshot(request).await.unwrap()
    }

    /// Creates an upload, and sends its last byte.
    async fn finish(&self) -> (UploadId, Response<Body>) {
        let post = empty(Request::post("/").header("Upload-Length", "5"));
        let id = outcome(&self.send(post).await).upload.id.clone();
        let last = patch(&id, "0").body("hello".into()).unwrap();
        let response = self.send(last).await;
        (id, response)
    }

    async fn again(&self, id: &UploadId) -> Response<Body> {
        self.send(empty(patch(id, "5"))).await
    }

    async fn head(&self, id: &UploadId) -> Response<Body> {
        self.send(empty(head(id))).await
    }

    async fn kept(&self, id: &UploadId) -> Option<ResponseOverride> {
        self.store.open(id).await.unwrap().answer()
    }
}

fn head(id: &UploadId) -> Builder {
    Request::head(format!("/{id}"))
}

#[tokio::test]
async fn a_repeated_last_patch_gets_the_same_answer_as_the_first() {
    let scene = Scene::new(answering(well_done()));
    let (id, first) = scene.finish().await;
    assert!(outcome(&first).finished);
    let first = got(first).await;
    assert_eq!((first.0, &first.2[..]), (StatusCode::ACCEPTED, &b"{}"[..]));
    let offset = ("upload-offset".to_owned(), HeaderValue::from_static("5"));
    assert!(first.1.contains(&offset), "CORE-27");
    for _ in 0..2 {
        let again = scene.again(&id).await;
        assert!(!outcome(&again).finished, "it is finished once");
        assert_eq!(got(again).await, first);
    }
}

#[tokio::test]
async fn an_empty_upload_is_answered_once_at_its_creation_and_then_by_patch() {
    let scene = Scene::new(answering(well_done()));
    let post = Request::post("/").header("Upload-Length", "0");
    let created = scene.send(empty(post)).await;
    assert_eq!(created.status(), StatusCode::ACCEPTED);
    assert!(created.headers().contains_key("location"));
    let id = outcome(&created).upload.id.clone();
    let again = scene.send(empty(patch(&id, "0"))).await;
    let expected = got(created).await.2;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert_eq!(got(again).await.2, expected);
}

#[tokio::test]
async fn head_carries_the_headers_of_the_answer_without_its_status_and_body() {
    let scene = Scene::new(answering(well_done()));
    let (id, _) = scene.finish().await;
    let head = scene.head(&id).await;
    let cookies = head.headers().get_all(SET_COOKIE).iter();
    assert_eq!(cookies.collect::<Vec<_>>(), ["b=2", "a=1"]);
    let Got(status, headers, body) = got(head).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b""[..]));
    assert!(!headers.iter().any(|(name, _)| name == "content-type"));
}

#[tokio::test]
async fn no_answer_changes_what_head_says_of_the_upload() {
    let value = HeaderValue::from_static;
    let lies = ResponseOverride::default()
        .with_header(UPLOAD_OFFSET.clone(), value("1"))
        .with_header("upload-expires".parse().unwrap(), value("never"))
        .with_header(TUS_RESUMABLE.clone(), value("0.2.2"))
        .with_header("content-length".parse().unwrap(), value("9"))
        .with_header(CACHE_CONTROL, value("max-age=60"))
        .with_header(ETAG, value("\"a\""))
        .with_header("x-true".parse().unwrap(), value("yes"));
    let scene = Scene::new(answering(lies));
    let (id, _) = scene.finish().await;
    let head = scene.head(&id).await;
    let headers = head.headers();
    assert_eq!(headers["upload-offset"], "5");
    assert_eq!(headers["upload-length"], "5");
    assert_eq!(headers["cache-control"], "no-store", "CORE-22");
    assert_eq!(headers["x-true"], "yes");
    assert_eq!(headers.len(), 4, "{headers:?}");
}

#[tokio::test]
async fn what_head_has_finished_is_answered_in_whole_to_a_patch() {
    let mut scene = Scene::new(answering(well_done()));
    scene.gate.refuses = true;
    let (id, refused) = scene.finish().await;
    assert_eq!(code(&refused), "ERR_UPLOAD_REJECTED");
    assert!(!refused.headers().contains_key(SET_COOKIE));
    assert_eq!(scene.kept(&id).await, None, "a failed finish keeps nothing");

    scene.gate.refuses = false;
    let finished = scene.head(&id).await;
    assert!(outcome(&finished).finished);
    let finished = got(finished).await;
    assert_eq!(finished.0, StatusCode::OK);
    assert_eq!(got(scene.head(&id).await).await, finished);
    let again = got(scene.again(&id).await).await;
    assert_eq!((again.0, &again.2[..]), (StatusCode::ACCEPTED, &b"{}"[..]));
}

#[tokio::test]
async fn an_answer_is_only_for_those_who_may_ask() {
    let mut scene = Scene::new(answering(well_done()));
    let (id, _) = scene.finish().await;
    for (action, request) in [
        (Action::Inspect, head(&id)),
        (Action::Append, patch(&id, "5")),
    ] {
        scene.gate.closed = Some(action);
        let response = scene.send(empty(request)).await;
        assert_eq!(code(&response), "ERR_UPLOAD_REJECTED");
        assert!(!response.headers().contains_key(SET_COOKIE), "{action:?}");
    }
    scene.gate.closed = None;
    let more = patch(&id, "5").body("!".into()).unwrap();
    assert_eq!(code(&scene.send(more).await), "ERR_UPLOAD_SIZE_EXCEEDED");
    let earlier = scene.send(empty(patch(&id, "0"))).await;
    assert_eq!(code(&earlier), "ERR_MISMATCHED_OFFSET");
    assert!(!earlier.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn an_answer_of_more_than_64_kib_is_given_once() {
    for (bytes, is_kept) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let value = HeaderValue::from_static("12345");
        let answer = ResponseOverride::default()
            .with_header("x-abc".parse().unwrap(), value)
            .with_body(vec![b'!'; bytes - 10]);
        let scene = Scene::new(answering(answer.clone()));
        let (id, first) = scene.finish().await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(got(first).await.2.len(), bytes - 10);
        assert_eq!(scene.kept(&id).await, is_kept.then_some(answer));
        let status = scene.again(&id).await.status();
        assert_eq!(status == StatusCode::OK, is_kept, "{status}");
        let again = scene.head(&id).await;
        assert_eq!(again.headers().contains_key("x-abc"), is_kept);
    }
}

#[tokio::test]
async fn a_gate_that_does_not_decide_has_no_answer() {
    let mut scene = Scene::new(answering(well_done()));
    scene.gate.decides = false;
    let (id, first) = scene.finish().await;
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.kept(&id).await, None);
}

#[tokio::test]
async fn a_later_gate_adds_to_the_answer_and_one_that_refuses_takes_it_back() {
    let later = ResponseOverride::default().with_body("later");
    for refuses in [false, true] {
        let store = MemoryStore::default();
        let send = |request| {
            let inner = Answering {
                refuses,
                ..answering(later.clone())
            };
            let core = GateLayer::new(inner).layer(Core::new(store.clone()));
            GateLayer::new(answering(well_done()))
                .layer(core)
                .oneshot(request)
        };
        let post = Request::post("/").header("Upload-Length", "0");
        let response = send(empty(post)).await.unwrap();
        let id = outcome(&response).upload.id.clone();
        assert_eq!(response.headers().contains_key(SET_COOKIE), !refuses);
        let mut both = well_done();
        both.merge(later.clone());
        let kept = store.open(&id).await.unwrap().answer();
        assert_eq!(kept, (!refuses).then_some(both));
    }
}

#[tokio::test]
async fn no_other_method_gives_the_answer() {
    let scene = Scene::new(answering(well_done()));
    let (id, _) = scene.finish().await;
    let delete = Request::builder().method(Method::DELETE);
    let response = scene.send(empty(delete.uri(format!("/{id}")))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(!response.headers().contains_key(SET_COOKIE));
}
