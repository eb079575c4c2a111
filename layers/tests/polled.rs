//! Lock around Concatenation: polls of a pending final.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::request::Builder;
use http::{Method, Request, Response, StatusCode};
use tower::{ServiceBuilder, ServiceExt};
use tower_tus_layers::concatenation::ConcatenationLayer;
use tower_tus_layers::download::DownloadLayer;
use tower_tus_layers::lock::{Guard, LockLayer, Locker, MemoryLocker};
use tower_tus_layers::protocol::{Body, Error, Interrupt, Outcome, UploadId};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{MemoryStore, Store};

/// Counts the locks that were acquired, and how many of them of uploads with
/// bytes. Observers keep nobody out.
#[derive(Clone, Debug, Default)]
struct Counted {
    locker: MemoryLocker,
    store: MemoryStore,
    acquired: Arc<AtomicU32>,
    late: Arc<AtomicU32>,
}

#[async_trait]
impl Locker for Counted {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.acquired.fetch_add(1, Ordering::SeqCst);
        let has_bytes = self.store.bytes(id).is_some_and(|bytes| !bytes.is_empty());
        self.late.fetch_add(has_bytes.into(), Ordering::SeqCst);
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn observe(
        &self,
        _: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let nobody = UploadId::random();
        self.locker.acquire(&nobody, interrupt, timeout).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.locker.try_acquire(id, interrupt).await
    }
}

impl Counted {
    async fn send(&self, request: Builder, body: &'static str) -> Response<Body> {
        let store: Arc<dyn Store> = Arc::new(self.store.clone());
        let locker: Arc<dyn Locker> = Arc::new(self.clone());
        let service = ServiceBuilder::new()
            .layer(LockLayer::new(Arc::clone(&locker)))
            .layer(ConcatenationLayer::new(Arc::clone(&store), locker).unfinished())
            .layer(DownloadLayer::new(Arc::clone(&store)))
            .service(Core::shared(store));
        let request = request.body(body.into()).unwrap();
        service.oneshot(request).await.unwrap()
    }

    async fn create(&self, concat: &str) -> UploadId {
        let mut request = Request::post("/").header("Upload-Concat", concat);
        if concat == "partial" {
            request = request.header("Upload-Length", "5");
        }
        let response = self.send(request, "").await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let outcome = Outcome::of(response.extensions()).unwrap();
        outcome.upload.id.clone()
    }

    /// Returns how many locks were acquired since the last call.
    fn acquired(&self) -> u32 {
        self.acquired.swap(0, Ordering::SeqCst)
    }
}

fn patch(id: &UploadId) -> Builder {
    Request::patch(format!("/{id}"))
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", "0")
}

#[tokio::test]
async fn head_and_get_of_a_pending_final_lock_it_only_to_assemble_it() {
    for method in [Method::HEAD, Method::GET] {
        let uploads = Counted::default();
        let part = uploads.create("partial").await;
        let id = uploads.create(&format!("final;/{part} /{part}")).await;
        uploads.acquired();
        let poll = || {
            Request::builder()
                .method(method.clone())
                .uri(format!("/{id}"))
        };
        let response = uploads.send(poll(), "").await;
        assert_eq!(response.headers()["upload-length"], "10", "CAT-15");
        assert_eq!(uploads.acquired(), 0, "{method}");

        // As if the server had stopped before the final was assembled.
        let plain = Core::new(uploads.store.clone());
        let last = patch(&part).body("hello".into()).unwrap();
        plain.oneshot(last).await.unwrap();
        let response = uploads.send(poll(), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        assert_eq!(uploads.store.bytes(&id).unwrap(), "hellohello");
        assert_eq!(uploads.acquired(), 1, "{method}");
        let late = uploads.late.load(Ordering::SeqCst);
        assert_eq!(late, 0, "{method}: it was assembled before it was locked");
    }
}
