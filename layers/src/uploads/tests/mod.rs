//! The handle over a core, a memory store and a memory locker.

#[cfg(feature = "expiration")]
mod expire;
mod finish;
#[cfg(feature = "expiration")]
mod hour;
mod manage;
mod run;
mod unfinished;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::{Subscription, UploadEvent, Uploads};
use crate::events::{Events, EventsLayer};
use crate::gate::{Gate, GateLayer};
use crate::lock::{LockLayer, Locker, MemoryLocker};
use crate::protocol::{
    Action, Body, Chunk, Clock, Error, FinishState, Length, Metadata, NewUpload, Shutdown, Upload,
    UploadId,
};
use crate::service::Core;
use crate::store::{AppendOptions, MemoryStore, Store};

/// What decides whether an upload may be finished.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) asked: AtomicUsize,
    verdict: Mutex<Result<(), Error>>,
    /// One permit for each question that may be answered.
    pub(super) answers: Semaphore,
}

impl Decision {
    pub(super) fn becomes(&self, verdict: Result<(), Error>) {
        *self.verdict.lock().unwrap() = verdict;
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

/// Finishing an upload is decided.
#[derive(Debug)]
struct Decides {
    decision: Arc<Decision>,
    /// What a client may do.
    access: Result<(), Error>,
}

#[async_trait]
impl Gate for Decides {
    async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
        self.access.clone()
    }

    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        self.decision.asked.fetch_add(1, Ordering::SeqCst);
        let permit = self.decision.answers.acquire().await.unwrap();
        permit.forget();
        self.decision.verdict.lock().unwrap().clone()
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

type Clients = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

pub(super) struct Scene {
    pub(super) uploads: Uploads,
    /// Serves clients, which may do nothing through the service of `uploads`.
    pub(super) clients: Clients,
    pub(super) store: MemoryStore,
    pub(super) locker: MemoryLocker,
    pub(super) decision: Arc<Decision>,
    pub(super) shutdown: Shutdown,
    pub(super) clock: Clock,
    seconds: Arc<AtomicU64>,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::over(|store| store)
    }

    /// Creates a scene whose handle uses what `wrap` makes of the memory store.
    pub(super) fn over<S: Store>(wrap: impl FnOnce(MemoryStore) -> S) -> Self {
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        let shown = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(shown.load(Ordering::SeqCst))
        });
        Self {
            seconds,
            ..Self::with_clock(clock, wrap)
        }
    }

    /// Like [`over`](Self::over), with a clock of the caller's.
    pub(super) fn with_clock<S: Store>(clock: Clock, wrap: impl FnOnce(MemoryStore) -> S) -> Self {
        let store = MemoryStore::with_clock(clock.clone());
        let locker = MemoryLocker::default();
        let decision = Arc::new(Decision {
            asked: AtomicUsize::new(0),
            verdict: Mutex::new(Ok(())),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let core = Core::new(wrap(store.clone())).without_termination();
        let shared = Arc::clone(core.store());
        let events = Events::default();
        let inside = |access| {
            let decision = Arc::clone(&decision);
            ServiceBuilder::new()
                .layer(EventsLayer::new(events.clone()))
                .layer(GateLayer::new(Decides { decision, access }))
                .service(core.clone())
        };
        let shutdown = Shutdown::default();
        let lock: Arc<dyn Locker> = Arc::new(locker.clone());
        let clients = LockLayer::new(Arc::clone(&lock)).layer(inside(Ok(())));
        let inside = inside(Err(Error::AccessDenied));
        let uploads = Uploads::new(inside, shared, lock, Duration::from_secs(20))
            .with_events(events)
            .clock(clock.clone())
            .shutdown(shutdown.clone());
        Self {
            uploads,
            clients: BoxCloneSyncService::new(clients),
            store,
            locker,
            decision,
            shutdown,
            clock,
            seconds: Arc::default(),
        }
    }

    /// Lets time pass.
    pub(super) fn passes(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Creates an upload of 5 bytes, and appends these.
    pub(super) async fn upload(&self, id: &str, bytes: &'static str) -> UploadId {
        let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
        new.id = id.parse().unwrap();
        new.created = self.clock.now();
        new.finishing = Some(FinishState::Pending { attempts: 0 });
        let mut handle = self.store.create(new).await.unwrap();
        let mut body = Body::from(bytes);
        let chunk = Chunk::new(&mut body);
        let appended = handle.append(chunk, AppendOptions::default()).await;
        assert!(appended.error.is_none());
        handle.info().id.clone()
    }

    /// Sends a request of a client for an upload. A PATCH brings the rest of 5 bytes.
    pub(super) async fn client(&self, method: Method, id: &UploadId) -> StatusCode {
        let offset = self.stored(id).await.unwrap().offset;
        let bytes = match method {
            Method::PATCH => "hello".split_at(usize::try_from(offset.get()).unwrap()).1,
            _ => "",
        };
        let request = Request::builder().method(method).uri(format!("/{id}"));
        let request = request
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Offset", offset.get());
        let request = request.body(Body::from(bytes)).unwrap();
        let Ok(response) = self.clients.clone().oneshot(request).await;
        response.status()
    }

    /// Returns the upload, unless it is gone.
    pub(super) async fn stored(&self, id: &UploadId) -> Option<Upload> {
        let handle = self.store.open(id).await.ok()?;
        Some(handle.info().clone())
    }

    pub(super) async fn is_finished(&self, id: &UploadId) -> bool {
        self.stored(id).await.unwrap().is_finished()
    }
}

/// Returns the next event, as its kind and the id of its upload.
pub(super) async fn next(subscription: &mut Subscription) -> String {
    let event = subscription.next().await.unwrap();
    let kind = match &event {
        UploadEvent::Finished(_) => "finished",
        UploadEvent::Terminated(_) => "terminated",
        UploadEvent::Expired(_) => "expired",
        _ => panic!("{event:?}"),
    };
    format!("{kind} {}", event.upload().unwrap().id)
}
