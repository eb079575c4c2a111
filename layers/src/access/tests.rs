use std::sync::{Arc, Mutex};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use super::{Access, AccessLayer, AccessRequest};
use crate::context::{Derived, Rollback};
use crate::protocol::{Action, Body, Error, Metadata, NewUpload, Rejection, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// What a policy was asked, in order.
type Asked = Arc<Mutex<Vec<(Action, Option<String>)>>>;

/// A policy that records its questions and returns `answer`.
fn recording(answer: Result<(), Error>) -> (Asked, impl Access) {
    let asked = Asked::default();
    let policy = {
        let asked = Arc::clone(&asked);
        move |request: AccessRequest| {
            let id = request.id().map(ToString::to_string);
            asked.lock().unwrap().push((request.action(), id));
            let answer = answer.clone();
            async move { answer }
        }
    };
    (asked, policy)
}

async fn send(store: &MemoryStore, policy: impl Access, request: Request<Body>) -> Response<Body> {
    let layer = AccessLayer::new(Arc::new(store.clone()), policy);
    let core = Core::new(store.clone());
    layer.layer(core).oneshot(request).await.unwrap()
}

async fn upload(store: &MemoryStore) -> UploadId {
    let new = NewUpload::new(Some(5.into()), Metadata::EMPTY);
    let id = new.id.clone();
    store.create(new).await.unwrap();
    id
}

fn request(method: &Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Upload-Length", "5")
        .header("Upload-Offset", "0")
        .header("Content-Type", "application/offset+octet-stream")
        .body(match *method {
            Method::PATCH => "hello".into(),
            _ => Body::default(),
        })
        .unwrap()
}

#[tokio::test]
async fn each_method_asks_once_for_its_own_action() {
    let store = MemoryStore::default();
    let (asked, policy) = recording(Ok(()));
    send(&store, policy, request(&Method::POST, "/")).await;
    assert_eq!(*asked.lock().unwrap(), [(Action::Create, None)]);
    for (method, action) in [
        (Method::HEAD, Action::Inspect),
        (Method::GET, Action::Read),
        (Method::PATCH, Action::Append),
        (Method::DELETE, Action::Terminate),
    ] {
        let id = upload(&store).await;
        let (asked, policy) = recording(Ok(()));
        send(&store, policy, request(&method, &format!("/{id}"))).await;
        assert_eq!(*asked.lock().unwrap(), [(action, Some(id.to_string()))]);
    }
}

#[tokio::test]
async fn what_is_denied_changes_nothing_and_is_answered_as_the_policy_says() {
    let store = MemoryStore::default();
    let id = upload(&store).await;
    for (method, path) in [
        (Method::POST, "/".to_owned()),
        (Method::HEAD, format!("/{id}")),
        (Method::GET, format!("/{id}")),
        (Method::PATCH, format!("/{id}")),
        (Method::DELETE, format!("/{id}")),
    ] {
        let denied = Rejection::new(StatusCode::UNAUTHORIZED)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        let (_, policy) = recording(Err(denied.into()));
        let response = send(&store, policy, request(&method, &path)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(!response.headers().contains_key("upload-offset"));
        assert_eq!(store.bytes(&id).unwrap(), "", "{method}");
    }
    assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 1 }");
}

#[tokio::test]
async fn a_method_that_no_action_stands_for_is_refused_unasked() {
    let (asked, policy) = recording(Ok(()));
    let store = MemoryStore::default();
    let response = send(&store, policy, request(&Method::PUT, "/a")).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn neither_options_nor_a_rollback_is_asked_about() {
    let store = MemoryStore::default();
    let id = upload(&store).await;
    let (asked, policy) = recording(Err(Error::AccessDenied));
    let policy = Arc::new(policy);
    let options = request(&Method::OPTIONS, "/");
    let response = send(&store, Arc::clone(&policy), options).await;
    assert_eq!(response.status(), StatusCode::OK);

    let (parts, _) = request(&Method::PATCH, "/").into_parts();
    let rollback = Derived::Rollback(id, Rollback::Always).of(parts);
    let rollback = Request::from_parts(rollback, Body::default());
    let response = send(&store, policy, rollback).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_upload_is_shown_to_a_policy_that_asks_for_it() {
    let store = MemoryStore::default();
    let id = upload(&store).await;
    let policy = async |request: AccessRequest| match request.upload().await?.length.map(u64::from)
    {
        Some(5) => Err(Error::AccessDenied),
        _ => Ok(()),
    };
    let known = send(&store, policy, request(&Method::HEAD, &format!("/{id}"))).await;
    assert_eq!(known.status(), StatusCode::FORBIDDEN);
    let unknown = send(&store, policy, request(&Method::HEAD, "/unknown")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let creation = send(&store, policy, request(&Method::POST, "/")).await;
    assert_eq!(creation.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_that_was_rejected_further_out_is_not_asked_about() {
    let (asked, policy) = recording(Ok(()));
    let mut rejected = request(&Method::HEAD, "/a");
    crate::context::Context::of_mut(rejected.extensions_mut()).reject(Error::OriginNotAllowed);
    let response = send(&MemoryStore::default(), policy, rejected).await;
    assert!(matches!(
        response.extensions().get(),
        Some(Error::OriginNotAllowed)
    ));
    assert!(asked.lock().unwrap().is_empty());
}
