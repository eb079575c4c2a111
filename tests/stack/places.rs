//! The places for a user's layers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Request, StatusCode};
use tower::layer::layer_fn;
use tower::util::MapRequestLayer;
use tower::{ServiceExt, service_fn};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use tower_tus::stack::{FitsStack, Next};
use tower_tus::{
    Body, Context, Error, Handle, Interrupt, IntoBodyLayer, Locker, MemoryLocker, MemoryStore,
    NewUpload, Stack, Store, Target, UploadId,
};

use crate::{append, code, creation, location, request, send};

/// Records the layers that a request passes, with its method there.
#[derive(Clone, Default)]
struct Passed(Arc<Mutex<Vec<String>>>);

impl Passed {
    fn at(&self, place: &'static str) -> impl FitsStack {
        let passed = Arc::clone(&self.0);
        MapRequestLayer::new(move |request: Request<Body>| {
            let method = request.method();
            passed.lock().unwrap().push(format!("{place} {method}"));
            request
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn stack(passed: &Passed) -> Stack {
    Stack::new(MemoryStore::default())
        .layer_around_core(passed.at("core"))
        .layer_before_lock(passed.at("lock"))
        .layer_outside(passed.at("outside"))
}

#[tokio::test]
async fn each_layer_stands_where_its_name_says() {
    let passed = Passed::default();
    let service = stack(&passed).into_service();
    let with_bytes = creation().header("Content-Type", "application/offset+octet-stream");
    let created = send(&service, with_bytes, "hello").await;
    // The core handles a creation with bytes in two steps.
    let expected = ["outside POST", "lock POST", "core POST", "core PATCH"];
    assert_eq!(passed.take(), expected);

    let url = location(&created);
    let overridden = request(Method::POST, &url).header("X-HTTP-Method-Override", "HEAD");
    send(&service, overridden, "").await;
    let expected = ["outside POST", "lock HEAD", "core HEAD"];
    assert_eq!(passed.take(), expected);

    let without_version = Request::head(url);
    let refused = send(&service, without_version, "").await;
    assert_eq!(refused.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(passed.take(), ["outside HEAD"]);
}

#[tokio::test]
async fn of_two_layers_at_one_place_the_first_is_the_outer_one() {
    let passed = Passed::default();
    let service = stack(&passed)
        .layer_outside(passed.at("second"))
        .layer_before_lock(passed.at("third"))
        .into_service();
    send(&service, creation(), "").await;
    let expected = [
        "outside POST",
        "second POST",
        "lock POST",
        "third POST",
        "core POST",
    ];
    assert_eq!(passed.take(), expected);
}

#[tokio::test]
async fn layers_can_be_taken_back() {
    let passed = Passed::default();
    let service = stack(&passed).without_layers().into_service();
    send(&service, creation(), "").await;
    assert!(passed.take().is_empty());
}

/// Records whether the upload of each PATCH is locked.
fn looks_at_lock(locker: MemoryLocker, seen: Arc<Mutex<Vec<bool>>>) -> impl FitsStack {
    layer_fn(move |next: Next| {
        let (locker, seen) = (locker.clone(), Arc::clone(&seen));
        service_fn(move |request: Request<Body>| {
            let (next, locker, seen) = (next.clone(), locker.clone(), Arc::clone(&seen));
            async move {
                let (parts, body) = request.into_parts();
                if let (&Method::PATCH, Ok(Target::Upload(id))) =
                    (&parts.method, Context::target(&parts))
                {
                    let taken = locker.acquire(&id, Interrupt::default(), Duration::ZERO);
                    let is_locked = taken.await.is_err();
                    seen.lock().unwrap().push(is_locked);
                }
                next.oneshot(Request::from_parts(parts, body)).await
            }
        })
    })
}

#[tokio::test]
async fn an_upload_is_locked_at_the_core_and_not_before() {
    let (locker, seen) = (MemoryLocker::default(), Arc::default());
    let service = Stack::new(MemoryStore::default())
        .locker(locker.clone())
        .layer_around_core(looks_at_lock(locker.clone(), Arc::clone(&seen)))
        .layer_before_lock(looks_at_lock(locker, Arc::clone(&seen)))
        .into_service();
    let url = location(&send(&service, creation(), "").await);
    // Acquiring the lock interrupts the request, so its response does not
    // matter.
    send(&service, append(&url), "hello").await;
    assert_eq!(*seen.lock().unwrap(), [false, true]);
}

#[tokio::test]
async fn foreign_layers_fit_at_each_place() {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let timeout = TimeoutLayer::with_status_code(status, Duration::from_secs(60));
    let body_timeout = RequestBodyTimeoutLayer::new(Duration::from_secs(60));
    let service = Stack::new(MemoryStore::default())
        .layer_outside(IntoBodyLayer::around(timeout))
        .layer_before_lock(IntoBodyLayer::around(body_timeout))
        .layer_around_core(IntoBodyLayer::around(RequestBodyLimitLayer::new(4)))
        .into_service();
    let url = location(&send(&service, creation(), "").await);
    let appended = send(&service, append(&url), "hell").await;
    assert_eq!(appended.status(), StatusCode::NO_CONTENT);
    let url = location(&send(&service, creation(), "").await);
    let appended = send(&service, append(&url), "hello").await;
    assert_eq!(appended.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

/// A store that refuses uploads with this metadata key.
#[derive(Debug)]
struct Refusing(Arc<dyn Store>, &'static str);

#[async_trait]
impl Store for Refusing {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        match new.metadata.get(self.1) {
            Some(_) => Err(Error::Rejected),
            None => self.0.create(new).await,
        }
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }
}

#[tokio::test]
async fn stores_wrap_the_store_that_is_there() {
    let service = Stack::new(MemoryStore::default())
        .map_store(|store| Refusing(store, "a"))
        .map_store(|store| Refusing(store, "b"))
        .into_service();
    for (key, refusal) in [
        ("a", "ERR_UPLOAD_REJECTED"),
        ("b", "ERR_UPLOAD_REJECTED"),
        ("c", ""),
    ] {
        let named = creation().header("Upload-Metadata", key);
        assert_eq!(code(&send(&service, named, "").await), refusal, "{key}");
    }
    // The stack does not list extensions that the wrapped store lacks.
    let options = send(&service, request(Method::OPTIONS, "/files/"), "").await;
    let extensions = options.headers()["tus-extension"].to_str().unwrap();
    assert!(!extensions.contains("termination"), "{extensions}");
}
