//! CreationWithUpload around Lock, Hooks, gates and the core: the first bytes of an upload
//! that nobody else knows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::util::option_layer;
use tower::{ServiceBuilder, ServiceExt};
use tower_tus_layers::checksum::ChecksumLayer;
use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
use tower_tus_layers::expiration::{Expiration, ExpirationLayer};
use tower_tus_layers::gate::{Gate, GateLayer};
use tower_tus_layers::hooks::{Callbacks, HookKind, HookKinds, HooksLayer, Reply};
use tower_tus_layers::lock::{Guard, LockLayer, Locker, MemoryLocker};
use tower_tus_layers::metrics::{TimedLocker, TimedStore};
use tower_tus_layers::protocol::{
    Action, Body, Error, Interrupt, NewUpload, Outcome, Upload, UploadId,
};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{Handle, MemoryStore, Store, Terminator};

/// What happened, in order.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug, Default)]
struct SeenStore {
    store: MemoryStore,
    seen: Seen,
}

#[async_trait]
impl Store for SeenStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.seen.push("create");
        self.store.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.seen.push("open");
        self.store.open(id).await
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.store.terminator()
    }
}

#[derive(Debug, Default)]
struct SeenLocker {
    locker: MemoryLocker,
    seen: Seen,
}

#[async_trait]
impl Locker for SeenLocker {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.seen.push("lock");
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.seen.push("lock new");
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.locker.try_acquire(id, interrupt).await
    }
}

/// A gate that sees everything.
#[derive(Clone, Debug)]
struct Watching {
    seen: Seen,
    announces: bool,
    id: Option<UploadId>,
}

#[async_trait]
impl Gate for Watching {
    async fn creating(&self, _: &Parts, new: &mut NewUpload) -> Result<(), Error> {
        if let Some(id) = &self.id {
            new.id = id.clone();
        }
        Ok(())
    }

    async fn created(&self, _: &Parts, upload: &Upload) {
        self.seen.push(format!("created at {}", upload.offset));
    }

    async fn opened(&self, _: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        self.seen.push(format!("{action:?} at {}", upload.offset));
        Ok(())
    }

    async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
        self.seen.push(format!("complete at {}", upload.offset));
        Ok(())
    }

    fn may_announce(&self) -> bool {
        self.announces
    }
}

/// A stack with what may learn of new uploads.
#[derive(Default)]
struct Stack {
    seen: Seen,
    store: MemoryStore,
    gate: Option<Watching>,
    hooks: Option<HooksLayer>,
    expiration: Option<Expiration>,
}

impl Stack {
    fn gate(mut self, announces: bool, id: Option<UploadId>) -> Self {
        let seen = self.seen.clone();
        self.gate = Some(Watching {
            seen,
            announces,
            id,
        });
        self
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(SeenStore {
            store: self.store.clone(),
            seen: self.seen.clone(),
        })
    }

    async fn send(&self, store: Arc<dyn Store>, request: Request<Body>) -> Response<Body> {
        let locker = SeenLocker {
            seen: self.seen.clone(),
            ..SeenLocker::default()
        };
        // As a stack with metrics has it.
        let locker = TimedLocker::new(Arc::new(locker), "tus");
        let expiration = self.expiration.clone();
        let expiration = expiration.map(|it| ExpirationLayer::new(Arc::clone(&store), it));
        let service = ServiceBuilder::new()
            .layer(option_layer(expiration))
            .layer(CreationWithUploadLayer::new())
            .layer(LockLayer::new(Arc::new(locker)))
            .layer(option_layer(self.hooks.clone()))
            .layer(option_layer(self.gate.clone().map(GateLayer::new)))
            .layer(ChecksumLayer::new())
            .service(Core::shared(store));
        let Ok(response) = service.oneshot(request).await;
        response
    }

    /// Creates an upload with its bytes, and returns what happened.
    async fn create(&self) -> Vec<String> {
        let response = self.send(self.store(), creation("5")).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["upload-offset"], "5");
        let outcome = Outcome::of(response.extensions()).unwrap();
        assert!(outcome.created && outcome.finished && outcome.received == 5);
        assert_eq!(self.store.bytes(&outcome.upload.id).unwrap(), "hello");
        self.seen.take()
    }
}

fn creation(length: &str) -> Request<Body> {
    let request = Request::post("/")
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Length", length);
    request.body("hello".into()).unwrap()
}

/// What happens to an upload that nobody else knows.
const UNKNOWN: [&str; 2] = ["create", "lock new"];
/// What happens to an upload that others may know.
const KNOWN: [&str; 3] = ["create", "lock", "open"];

#[tokio::test]
async fn first_bytes_go_into_the_upload_as_it_was_created_with_a_lock_in_this_process() {
    assert_eq!(Stack::default().create().await, UNKNOWN);
}

#[tokio::test]
async fn an_upload_that_will_expire_is_not_opened_again_either() {
    let stack = Stack {
        expiration: Some(Expiration::after(Duration::from_secs(60))),
        ..Stack::default()
    };
    assert_eq!(stack.create().await, UNKNOWN);
}

#[tokio::test]
async fn an_upload_that_a_gate_may_have_announced_is_locked_and_opened_again() {
    let stack = Stack::default().gate(true, None);
    let known = stack.create().await;
    let expected = ["create", "created at 0", "lock", "open"];
    assert_eq!(known[..4], expected);

    // A gate sees the same either way.
    let gates = |seen: Vec<String>| {
        let seen = seen.into_iter().filter(|what| what.contains(" at "));
        seen.collect::<Vec<_>>()
    };
    let unknown = Stack::default().gate(false, None).create().await;
    assert_eq!(unknown[..3], ["create", "created at 0", "lock new"]);
    let at_gates = gates(unknown);
    assert_eq!(at_gates, gates(known));
    assert_eq!(at_gates, ["created at 0", "Append at 0", "complete at 5"]);
}

#[tokio::test]
async fn an_upload_whose_id_was_chosen_is_locked_and_opened_again() {
    let stack = Stack::default().gate(false, Some("a".parse().unwrap()));
    let seen = stack.create().await;
    assert_eq!(seen[..4], ["create", "created at 0", "lock", "open"]);
}

#[tokio::test]
async fn an_upload_of_which_hooks_learn_before_the_client_is_locked_and_opened_again() {
    for kind in HookKind::ALL {
        let hooks = Callbacks::new().on(*kind, |_| async { Reply::accept() });
        let layer = HooksLayer::new(hooks).kinds(HookKinds::from_iter([*kind]));
        let stack = Stack {
            hooks: Some(layer),
            ..Stack::default()
        };
        let seen = stack.create().await;
        match kind {
            HookKind::PostFinish
            | HookKind::PreTerminate
            | HookKind::PostTerminate
            | HookKind::PostExpire => {
                assert_eq!(seen, UNKNOWN, "{kind}");
            }
            _ => assert_eq!(seen, KNOWN, "{kind}"),
        }
    }
}

#[tokio::test]
async fn the_next_request_locks_and_opens_the_upload_as_any_other() {
    let stack = Stack::default();
    let response = stack.send(stack.store(), creation("9")).await;
    assert_eq!(stack.seen.take(), UNKNOWN);
    let location = response.headers()["location"].to_str().unwrap();
    let request = Request::patch(location)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", "5")
        .body("last".into())
        .unwrap();
    let response = stack.send(stack.store(), request).await;
    assert_eq!(response.headers()["upload-offset"], "9");
    assert_eq!(stack.seen.take(), ["lock", "open"]);
}

#[tokio::test]
async fn a_chunk_that_fails_its_checksum_removes_the_upload_under_its_lock() {
    let stack = Stack::default();
    let mut request = creation("5");
    let checksum = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=".parse().unwrap();
    request.headers_mut().insert("Upload-Checksum", checksum);
    let response = stack.send(stack.store(), request).await;
    assert_eq!(response.status(), 460);
    let seen = ["create", "lock new", "lock", "open"];
    assert_eq!(stack.seen.take(), seen);
    assert_eq!(format!("{:?}", stack.store), "MemoryStore { uploads: 0 }");
}

#[tokio::test]
async fn a_store_that_is_wrapped_is_not_opened_again_either() {
    let stack = Stack::default();
    let timed: Arc<dyn Store> = Arc::new(TimedStore::new(stack.store(), "tus"));
    let response = stack.send(timed, creation("5")).await;
    assert_eq!(response.headers()["upload-offset"], "5");
    assert_eq!(stack.seen.take(), UNKNOWN);
}
