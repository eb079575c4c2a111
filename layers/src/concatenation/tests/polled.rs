//! Polls of a pending final.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, StatusCode};
use tower::{Layer, ServiceExt};

use super::super::ConcatenationLayer;
use super::{Uploads, created, on, patch};
use crate::download::DownloadLayer;
use crate::lock::{Guard, LockLayer, Locker, MemoryLocker};
use crate::protocol::{Body, Error, Interrupt, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// Counts the locks that were acquired, of finals without bytes; observers keep
/// nobody out.
#[derive(Clone, Debug)]
struct Counted(MemoryLocker, Arc<AtomicU32>, MemoryStore);

#[async_trait]
impl Locker for Counted {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        assert_eq!(self.2.bytes(id).unwrap(), "", "it is locked too late");
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.acquire(id, interrupt, timeout).await
    }

    async fn observe(
        &self,
        _: &UploadId,
        _: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let id = UploadId::random();
        self.0.acquire(&id, Interrupt::default(), timeout).await
    }
}

#[tokio::test]
async fn head_and_get_of_a_pending_final_lock_it_only_to_assemble_it() {
    for method in [Method::HEAD, Method::GET] {
        let uploads = Uploads::unfinished();
        let (a, b) = (uploads.partial("hello").await, uploads.partial("wo").await);
        let id = created(&uploads.join(&[&a, &b]).await);
        let store = uploads.store.clone();
        let locker = Counted(MemoryLocker::default(), Arc::default(), store);
        let send = || async {
            let locker = Arc::new(locker.clone());
            let store: Arc<dyn Store> = Arc::new(uploads.store.clone());
            let offer = DownloadLayer::new(Arc::clone(&store));
            let inner = offer.layer(Core::shared(Arc::clone(&store)));
            let inner = ConcatenationLayer::new(store, locker.clone()).layer(inner);
            let service = LockLayer::new(locker).layer(inner);
            let request = on(method.clone(), &id).body(Body::default()).unwrap();
            service.oneshot(request).await.unwrap()
        };
        let response = send().await;
        assert_eq!(response.headers()["upload-length"], "10", "CAT-15");
        assert_eq!(locker.1.load(Ordering::SeqCst), 0, "{method}");

        // As if the server had stopped before the final was assembled.
        let plain = Core::new(uploads.store.clone());
        let last = patch(&b, 2).body("rld".into()).unwrap();
        plain.oneshot(last).await.unwrap();
        let response = send().await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        assert_eq!(uploads.bytes(&id), "helloworld");
        assert_eq!(locker.1.load(Ordering::SeqCst), 1, "{method}");
    }
}
