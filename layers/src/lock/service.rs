use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use headers::{CacheControl, HeaderMapExt};
use http::request::Parts;
use http::{Method, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::ResponseFuture;
use crate::context::{Context, Place, check_rejection};
use crate::inner::gives_inner;
use crate::lock::{Locker, Observation, until_ended};
use crate::protocol::{Body, BoxError, Error, Target, UploadId};
use crate::ready::take_ready;

/// Middleware that lets one request at a time change an upload.
///
/// See the [module docs](crate::lock) for an example.
#[derive(Clone, Debug)]
pub struct Lock<S> {
    inner: S,
    locker: Arc<dyn Locker>,
    timeout: Duration,
    writers: Option<Arc<Semaphore>>,
}

gives_inner!(Lock);

impl<S> Lock<S> {
    /// Wraps `inner`, and waits at most `timeout` for a lock of `locker`.
    pub fn new(inner: S, locker: Arc<dyn Locker>, timeout: Duration) -> Self {
        Self {
            inner,
            locker,
            timeout,
            writers: None,
        }
    }

    pub(super) fn writers(self, writers: Option<Arc<Semaphore>>) -> Self {
        Self { writers, ..self }
    }

    /// Takes a permit for a request that writes, if writers are limited.
    fn admit(&self, method: &Method) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let Some(writers) = self.writers.as_ref().filter(|_| method == Method::PATCH) else {
            return Ok(None);
        };
        let permit = Arc::clone(writers).try_acquire_owned();
        permit.map(Some).map_err(|_| too_many_writers())
    }
}

fn too_many_writers() -> Error {
    let reason: BoxError = "too many uploads are being written".into();
    Error::Busy(reason.into())
}

/// Returns the upload that the request must lock.
fn wanted(parts: &Parts) -> Option<UploadId> {
    if !matches!(parts.method, Method::HEAD | Method::PATCH | Method::DELETE) {
        return None;
    }
    match Context::target(parts) {
        Ok(Target::Upload(id)) => Some(id),
        Ok(Target::Collection) | Err(_) => None,
    }
}

impl<S> Service<Request<Body>> for Lock<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        Context::of_mut(&mut parts.extensions).pass(Place::Lock);
        let Some(id) = wanted(&parts) else {
            return ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)));
        };
        // Checked first, so that a rejected request interrupts nothing.
        if let Err(error) = check_rejection(&parts.extensions) {
            return ResponseFuture::refused(error);
        }
        // Comes before the lock, which may keep a file open.
        let permit = match self.admit(&parts.method) {
            Ok(permit) => permit,
            Err(error) => return ResponseFuture::refused(error),
        };
        let (locker, timeout) = (Arc::clone(&self.locker), self.timeout);
        let inner = take_ready(&mut self.inner);
        let request = Request::from_parts(parts, body);
        ResponseFuture::awaited(async move {
            let _permit = permit;
            match *request.method() {
                Method::HEAD => observe(inner, request, locker, id, timeout).await,
                _ => lock(inner, request, &*locker, &id, timeout).await,
            }
        })
    }
}

/// Serves a request that reads the upload.
async fn observe<S>(
    mut inner: S,
    mut request: Request<Body>,
    locker: Arc<dyn Locker>,
    id: UploadId,
    timeout: Duration,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let context = Context::of_mut(request.extensions_mut());
    let observation = Observation::begin(locker, id, context.interrupt(), timeout);
    let observation = match observation.await {
        Ok(observation) => Arc::new(observation),
        Err(error) => return Ok(unobserved(error)),
    };
    context.set_observation(&observation);
    let response = inner.call(request).await;
    observation.end().await;
    response
}

/// Answers a HEAD that gets no lock. A locker may find that there is no upload.
fn unobserved(error: Error) -> Response<Body> {
    let mut response = error.into_response();
    let no_store = CacheControl::new().with_no_store();
    // CORE-22
    response.headers_mut().typed_insert(no_store);
    response
}

/// Serves a request that changes the upload.
async fn lock<S>(
    mut inner: S,
    request: Request<Body>,
    locker: &dyn Locker,
    id: &UploadId,
    timeout: Duration,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let context = Context::of(request.extensions());
    let interrupt = context.interrupt();
    let holder = interrupt.clone();
    let locking = match *request.method() {
        Method::DELETE => locker.acquire_to_terminate(id, holder, timeout),
        _ if context.is_handed_over(id) => locker.acquire_new(id, holder, timeout),
        _ => locker.acquire(id, holder, timeout),
    };
    let guard = match until_ended(&interrupt, locking).await {
        Ok(guard) => guard,
        Err(error) => return Ok(error.into_response()),
    };
    let response = inner.call(request).await;
    guard.release().await;
    response
}
