//! Uploads whose store has failed.

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use super::{chunked, code, empty, outcome, patch};
use crate::context::context;
use crate::gate::{Gate, GateLayer};
use crate::protocol::{Action, Body, Error, FinishState, Length, Metadata, NewUpload};
use crate::protocol::{Upload, UploadId};
use crate::service::Core;
use crate::store::faulty::{Fault, Faulty};
use crate::store::{MemoryStore, Store, WriteMode};

async fn send(store: &Faulty, request: Request<Body>) -> Response<Body> {
    Core::new(store.clone()).oneshot(request).await.unwrap()
}

async fn create(store: &Faulty, length: Option<u32>) -> UploadId {
    let new = NewUpload::new(length.map(Length::from), Metadata::EMPTY);
    store.create(new).await.unwrap().info().id.clone()
}

async fn finishing(store: &Faulty, id: &UploadId) -> Option<FinishState> {
    store.open(id).await.unwrap().info().finishing
}

#[tokio::test]
async fn no_request_finishes_an_upload_after_its_append_failed_in_the_store() {
    let store = Faulty::new(Fault::Append);
    // The last byte, and one byte more than that.
    for body in [&["hel", "lo"][..], &["hello", "!"]] {
        let id = create(&store, Some(5)).await;
        let request = patch(&id, "0").body(chunked(body)).unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(code(&response), "ERR_INSUFFICIENT_STORAGE");
        assert!(!response.headers().contains_key("upload-offset"));
        assert!(!outcome(&response).finished);
        let pending = FinishState::Pending { attempts: 0 };
        assert_eq!(finishing(&store, &id).await, Some(pending));
    }
}

#[tokio::test]
async fn a_length_is_not_declared_by_a_chunk_that_the_store_could_not_keep() {
    let store = Faulty::new(Fault::Append);
    let id = create(&store, None).await;
    let request = patch(&id, "0").header("Upload-Length", "5");
    let request = request.extension(context(|it| it.set_write_mode(WriteMode::Atomic)));
    let request = request.body(Body::from("hello")).unwrap();
    let response = send(&store, request).await;
    assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(store.open(&id).await.unwrap().info().length, None);
}

#[tokio::test]
async fn an_upload_that_cannot_be_finished_has_failed_and_can_only_be_terminated() {
    let store = Faulty::new(Fault::Finish);
    let id = create(&store, Some(5)).await;
    let last = patch(&id, "0").body("hello".into()).unwrap();
    let response = send(&store, last).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key("upload-offset"));
    assert!(!outcome(&response).finished);
    assert!(outcome(&response).upload.is_failed());

    // At any offset, so that no client goes on.
    for request in [
        patch(&id, "5"),
        patch(&id, "0"),
        patch(&id, "5").method("HEAD"),
    ] {
        let response = send(&store, empty(request)).await;
        assert_eq!(response.status(), StatusCode::GONE);
        assert_eq!(code(&response), "ERR_UPLOAD_FAILED");
        assert!(!response.headers().contains_key("upload-offset"));
        assert_eq!(finishing(&store, &id).await, Some(FinishState::Failed));
    }
    let response = send(&store, empty(Request::delete(format!("/{id}")))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(outcome(&response).terminated);
    let response = send(&store, empty(Request::head(format!("/{id}")))).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_empty_upload_that_cannot_be_finished_is_created_as_failed() {
    let store = Faulty::new(Fault::Finish);
    let request = Request::post("/").header("Upload-Length", "0");
    let response = send(&store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("location"), "CRE-15");
    let outcome = outcome(&response);
    assert!(outcome.created && !outcome.finished && outcome.upload.is_failed());
}

/// A gate that admits no one.
#[derive(Debug)]
struct Closed;

#[async_trait]
impl Gate for Closed {
    async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
        Err(Error::AccessDenied)
    }
}

#[tokio::test]
async fn a_stranger_does_not_learn_that_an_upload_has_failed() {
    let store = MemoryStore::default();
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    new.finishing = Some(FinishState::Failed);
    let id = store.create(new).await.unwrap().info().id.clone();
    for method in ["HEAD", "PATCH", "DELETE"] {
        let service = GateLayer::new(Closed).layer(Core::new(store.clone()));
        let request = empty(patch(&id, "0").method(method));
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(code(&response), "ERR_ACCESS_DENIED", "{method}");
    }
}
