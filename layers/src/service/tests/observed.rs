//! HEAD over a locker whose observers keep nobody out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use super::{code, create, empty, outcome, patch};
use crate::gate::{Gate, GateLayer};
use crate::lock::{Guard, LockLayer, Locker, MemoryLocker};
use crate::protocol::{Action, Body, Error, FinishState, Interrupt, Upload, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// Counts the locks that were acquired, and grants places to observers.
#[derive(Clone, Debug, Default)]
struct Light {
    locker: MemoryLocker,
    acquired: Arc<AtomicU32>,
    /// Finishes uploads while a request waits for its lock.
    other: Option<MemoryStore>,
}

#[derive(Debug)]
struct Place;

#[async_trait]
impl Guard for Place {
    async fn release(self: Box<Self>) {}
}

#[async_trait]
impl Locker for Light {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.acquired.fetch_add(1, Ordering::SeqCst);
        if let Some(store) = &self.other {
            let mut handle = store.open(id).await?;
            handle.record(FinishState::Done).await?;
        }
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn observe(
        &self,
        _: &UploadId,
        _: Interrupt,
        _: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        Ok(Box::new(Place))
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.locker.try_acquire(id, interrupt).await
    }
}

/// A gate that decides on completion only under the lock, and counts.
#[derive(Clone, Debug, Default)]
struct Locked {
    locker: MemoryLocker,
    opened: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl Gate for Locked {
    async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let locking = self
            .locker
            .acquire(&upload.id, Interrupt::default(), Duration::ZERO);
        match locking.await {
            Err(Error::LockTimeout) => Ok(()),
            free => panic!("the upload is not locked: {free:?}"),
        }
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

struct Scene {
    store: MemoryStore,
    locker: Light,
    gate: Locked,
}

impl Scene {
    fn new() -> Self {
        let locker = Light::default();
        let gate = Locked {
            locker: locker.locker.clone(),
            ..Locked::default()
        };
        Self {
            store: MemoryStore::default(),
            locker,
            gate,
        }
    }

    async fn head(&self, id: &UploadId) -> Response<Body> {
        let service = LockLayer::new(Arc::new(self.locker.clone()))
            .timeout(Duration::ZERO)
            .layer(GateLayer::new(self.gate.clone()).layer(Core::new(self.store.clone())));
        let head = empty(Request::head(format!("/{id}")));
        service.oneshot(head).await.unwrap()
    }

    /// Creates an upload that is complete, but was not finished.
    async fn unfinished(&self) -> UploadId {
        let id = create(&self.store, 5).await;
        let mut handle = self.store.open(&id).await.unwrap();
        let pending = FinishState::Pending { attempts: 0 };
        handle.record(pending).await.unwrap();
        let bytes = patch(&id, "0").body("hello".into()).unwrap();
        let refused = GateLayer::new(Failing).layer(Core::new(self.store.clone()));
        let response = refused.oneshot(bytes).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        id
    }

    fn acquired(&self) -> u32 {
        self.locker.acquired.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Failing;

#[async_trait]
impl Gate for Failing {
    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        Err(Error::internal("not now"))
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn head_of_an_upload_that_it_only_reads_acquires_no_lock() {
    let scene = Scene::new();
    let id = create(&scene.store, 5).await;
    assert_eq!(scene.head(&id).await.headers()["upload-offset"], "0");
    assert_eq!(scene.acquired(), 0);
}

#[tokio::test]
async fn head_locks_an_upload_before_it_finishes_it_and_asks_each_gate_once() {
    let scene = Scene::new();
    let id = scene.unfinished().await;
    let head = scene.head(&id).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(outcome(&head).finished);
    assert_eq!(scene.acquired(), 1);
    assert_eq!(scene.gate.opened.load(Ordering::SeqCst), 1);
    assert_eq!(scene.gate.asked.load(Ordering::SeqCst), 1);

    let free = scene
        .locker
        .locker
        .acquire(&id, Interrupt::default(), Duration::ZERO);
    free.await.expect("the lock is released").release().await;
    scene.head(&id).await;
    assert_eq!(scene.acquired(), 1, "it is finished");
}

#[tokio::test]
async fn head_does_not_finish_what_was_finished_while_it_waited_for_the_lock() {
    let mut scene = Scene::new();
    let id = scene.unfinished().await;
    scene.locker.other = Some(scene.store.clone());
    let head = scene.head(&id).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(!outcome(&head).finished);
    assert_eq!(scene.gate.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn head_finishes_nothing_while_another_request_holds_the_lock() {
    let scene = Scene::new();
    let id = scene.unfinished().await;
    let holder = scene
        .locker
        .locker
        .acquire(&id, Interrupt::default(), Duration::ZERO);
    let holder = holder.await.unwrap();
    assert_eq!(code(&scene.head(&id).await), "ERR_LOCK_TIMEOUT");
    assert_eq!(scene.gate.asked.load(Ordering::SeqCst), 0);
    holder.release().await;
    assert!(outcome(&scene.head(&id).await).finished);
}

#[tokio::test]
async fn head_of_a_failed_upload_is_410_without_a_lock() {
    let scene = Scene::new();
    let id = scene.unfinished().await;
    let mut handle = scene.store.open(&id).await.unwrap();
    handle.record(FinishState::Failed).await.unwrap();
    assert_eq!(code(&scene.head(&id).await), "ERR_UPLOAD_FAILED");
    assert_eq!(scene.acquired(), 0);
}
