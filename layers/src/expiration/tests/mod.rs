//! The layer around the core, with a clock that the tests set.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use headers::HeaderMapExt;
use http::request::{Builder, Parts};
use http::{Request, Response, StatusCode};
use tower::util::{BoxCloneSyncService, MapRequestLayer};
use tower::{Layer, Service, ServiceExt};

use super::{Expiration, ExpirationLayer};
use crate::context::{Context, context};
use crate::gate::Gate;
use crate::protocol::header::UploadExpires;
use crate::protocol::{
    Action, Body, Clock, Concat, Error, FinishState, Length, NewUpload, Offset, Rejection, Role,
    Upload, UploadId,
};
use crate::service::Core;
use crate::store::{Handle, MemoryStore, Store};

mod dates;
mod parts;
mod removal;

type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// When each test begins.
const BEGIN: u64 = 1_000_000_000;

/// A store with uploads that expire after 60 seconds, and the clock of both.
struct Server {
    seconds: Arc<AtomicU64>,
    store: MemoryStore,
    expiration: Expiration,
}

impl Server {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(BEGIN));
        let clock = Clock::from_fn({
            let seconds = Arc::clone(&seconds);
            move || at(seconds.load(Ordering::Relaxed))
        });
        Self {
            store: MemoryStore::with_clock(clock.clone()),
            expiration: Expiration::after(Duration::from_secs(60)).clock(clock),
            seconds,
        }
    }

    fn with(mut self, set: impl FnOnce(Expiration) -> Expiration) -> Self {
        self.expiration = set(self.expiration);
        self
    }

    /// Sets the clock to so many seconds after the beginning.
    fn at(&self, seconds: u64) {
        self.seconds.store(BEGIN + seconds, Ordering::Relaxed);
    }

    fn stack(&self) -> Stack {
        self.stack_with(CreatedBy(self.expiration.clone()))
    }

    fn stack_with(&self, gate: impl Gate) -> Stack {
        let core = Core::new(self.store.clone());
        let layer = ExpirationLayer::new(Arc::clone(core.store()), self.expiration.clone());
        Stack::new(layer.layer(behind(gate, core)))
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.stack().oneshot(request).await.unwrap()
    }

    /// Creates an upload of five bytes, and returns its path.
    async fn create(&self) -> String {
        let request = Request::post("/").header("Upload-Length", "5");
        let response = self.send(empty(request)).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        path(&response)
    }

    async fn append(&self, path: &str, offset: u64, bytes: &'static str) -> Response<Body> {
        self.send(chunk(path, offset).body(bytes.into()).unwrap())
            .await
    }

    async fn head(&self, path: &str) -> Response<Body> {
        self.send(empty(Request::head(path))).await
    }
}

/// Puts a gate in front of a service.
fn behind<S>(gate: impl Gate, service: S) -> Stack
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let gate = Arc::new(gate) as Arc<dyn Gate>;
    let add = MapRequestLayer::new(move |mut request: Request<Body>| {
        Context::of_mut(request.extensions_mut()).add_gate(Arc::clone(&gate));
        request
    });
    Stack::new(add.layer(service))
}

/// Takes the times of creation from the clock, too.
#[derive(Debug)]
struct CreatedBy(Expiration);

#[async_trait]
impl Gate for CreatedBy {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        upload.created = self.0.now();
        Ok(())
    }
}

/// An upload of five bytes that was active ten seconds after its creation.
fn upload(id: &str) -> Upload {
    let mut upload = Upload::new(id.parse().unwrap());
    (upload.created, upload.modified) = (Some(at(BEGIN)), Some(at(BEGIN + 10)));
    upload.length = Some(Length::from(5));
    upload
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn empty(request: Builder) -> Request<Body> {
    request.body(Body::default()).unwrap()
}

fn typed(request: Builder) -> Builder {
    request.header("Content-Type", "application/offset+octet-stream")
}

fn chunk(path: &str, offset: u64) -> Builder {
    typed(Request::patch(path)).header("Upload-Offset", offset)
}

fn path(response: &Response<Body>) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

fn id(path: &str) -> UploadId {
    path[1..].parse().unwrap()
}

/// When the upload expires, in seconds after the beginning of the test.
fn told(response: &Response<Body>) -> Option<u64> {
    let header: Option<UploadExpires> = response.headers().typed_try_get().unwrap();
    let since = header?.time().duration_since(at(BEGIN));
    Some(since.unwrap().as_secs())
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Error>().map_or("", Error::code)
}

fn is_gone(response: &Response<Body>) -> bool {
    response.status() == StatusCode::GONE && code(response) == "ERR_UPLOAD_EXPIRED"
}
