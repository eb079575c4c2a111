//! How the core treats partial and final uploads.

use std::task::Poll;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{code, empty, outcome, patch, send};
use crate::context::context;
use crate::protocol::{
    BaseUrl, Body, Concat, Error, FinishState, Interrupt, Length, NewConcat, Role, UploadId,
};
use crate::store::{Concatenator, MemoryStore, Store};

fn new_final(parts: &[&UploadId], pending: bool, raw: Option<&'static str>) -> NewConcat {
    let parts = parts.iter().map(|&part| part.clone()).collect();
    let role = Role::Final { parts, pending };
    NewConcat {
        concat: Concat::new(role, raw.map(HeaderValue::from_static)),
        length: None,
    }
}

fn post(asked: NewConcat) -> Builder {
    let request = Request::post("/").extension(context(|it| it.set_concat(asked)));
    request.header("Upload-Concat", "as the layer has read it")
}

async fn created(store: &MemoryStore, request: Builder) -> (UploadId, Response<Body>) {
    let response = send(store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    (outcome(&response).upload.id.clone(), response)
}

async fn partial(store: &MemoryStore, text: &'static str) -> UploadId {
    let raw = Some(HeaderValue::from_static("partial"));
    let asked = NewConcat {
        concat: Concat::new(Role::Partial { awaited_by: vec![] }, raw),
        length: None,
    };
    let request = post(asked).header("Upload-Length", text.len());
    let (id, response) = created(store, request).await;
    assert_eq!(response.headers()["upload-concat"], "partial", "CAT-17");
    let response = send(store, patch(&id, "0").body(text.into()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    id
}

async fn head(store: &MemoryStore, id: &UploadId) -> Response<Body> {
    let response = send(store, empty(Request::head(format!("/{id}")))).await;
    assert_eq!(response.status(), StatusCode::OK);
    response
}

#[tokio::test]
async fn a_final_is_finished_by_its_creation() {
    let store = MemoryStore::default();
    let (a, b) = (
        partial(&store, "hello").await,
        partial(&store, " you").await,
    );
    let asked = new_final(&[&a, &b], false, Some("final;/a b"));
    let (id, response) = created(&store, post(asked)).await;
    assert_eq!(response.headers()["upload-concat"], "final;/a b", "CAT-17");
    assert!(outcome(&response).created && outcome(&response).finished);
    assert_eq!(store.bytes(&id).unwrap(), "hello you", "CAT-05");

    let response = head(&store, &id).await;
    assert_eq!(response.headers()["upload-offset"], "9", "CAT-13");
    assert_eq!(response.headers()["upload-length"], "9", "CAT-04");
    assert_eq!(response.headers()["upload-concat"], "final;/a b", "CAT-16");
}

#[tokio::test]
async fn head_of_a_partial_tells_its_offset_and_what_it_is() {
    let store = MemoryStore::default();
    let id = partial(&store, "hello").await;
    let response = head(&store, &id).await;
    assert_eq!(response.headers()["upload-offset"], "5", "CAT-14");
    assert_eq!(response.headers()["upload-concat"], "partial", "CAT-16");
}

#[tokio::test]
async fn a_pending_final_has_no_offset_and_is_finished_by_who_comes_next() {
    let store = MemoryStore::default();
    let part = partial(&store, "hello").await;
    for length in [None, Some(5)] {
        let mut asked = new_final(&[&part], true, Some("final;/a"));
        asked.length = length.map(Length::from);
        let (id, response) = created(&store, post(asked)).await;
        assert!(!outcome(&response).finished);

        let response = head(&store, &id).await;
        let headers = response.headers();
        assert!(!headers.contains_key("upload-offset"), "CAT-12");
        assert!(!headers.contains_key("upload-defer-length"));
        let told = headers.get("upload-length");
        assert_eq!(told.is_some(), length.is_some(), "CAT-15, CUF-02");
        assert_eq!(headers["upload-concat"], "final;/a", "CAT-16");

        store.assemble(&id, &Interrupt::default()).await.unwrap();
        let response = head(&store, &id).await;
        assert_eq!(response.headers()["upload-offset"], "5", "CAT-13");
        assert!(outcome(&response).finished);
        let done = outcome(&response).upload.finishing;
        assert_eq!(done, Some(FinishState::Done));
    }
}

/// A body that must not be polled.
fn untouchable() -> Body {
    let frames = stream::poll_fn(|_| -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        panic!("the body was polled")
    });
    Body::new(StreamBody::new(frames))
}

#[tokio::test]
async fn a_final_takes_no_bytes_and_its_body_is_not_looked_at() {
    let store = MemoryStore::default();
    let part = partial(&store, "hello").await;
    for (pending, offset) in [(false, "5"), (false, "0"), (true, "0")] {
        let (id, _) = created(&store, post(new_final(&[&part], pending, None))).await;
        let before = store.open(&id).await.unwrap().info().clone();
        let response = send(&store, patch(&id, offset).body(untouchable()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "CAT-10");
        assert_eq!(code(&response), "ERR_MODIFY_FINAL");
        let after = store.open(&id).await.unwrap().info().clone();
        assert_eq!(after, before, "CAT-11");
    }
    assert_eq!(store.bytes(&part).unwrap(), "hello", "CAT-11");
}

#[tokio::test]
async fn what_no_text_is_known_of_is_told_by_its_meaning() {
    let store = MemoryStore::default();
    let (a, b) = (
        partial(&store, "hello").await,
        partial(&store, " you").await,
    );
    let (id, _) = created(&store, post(new_final(&[&b, &a, &b], false, None))).await;
    let base = BaseUrl::new("https://example.com/up");
    for (base, expected) in [
        (None, format!("final;/{b} /{a} /{b}")),
        (
            Some(base),
            format!("final;{0}/{b} {0}/{a} {0}/{b}", "https://example.com/up"),
        ),
    ] {
        let mut request = empty(Request::head(format!("/{id}")));
        if let Some(base) = base {
            let told = context(|it| it.set_base_url(base));
            request.extensions_mut().insert(told);
        }
        let response = send(&store, request).await;
        assert_eq!(response.headers()["upload-concat"], expected, "CAT-16");
    }
}
