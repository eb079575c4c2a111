use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::ResponseFuture;
use crate::answer::Answer;
use crate::lock::{Locker, acquire};
use crate::protocol::{BoxError, Error, Interrupt, Target, UploadId};

/// Middleware that lets each upload be changed by one request at a time.
///
/// See the [module docs](crate::lock) for an example.
#[derive(Clone, Debug)]
pub struct Lock<S> {
    inner: S,
    locker: Arc<dyn Locker>,
    timeout: Duration,
    writers: Option<Arc<Semaphore>>,
}

impl<S> Lock<S> {
    /// `inner` behind `locker`, whose locks are waited for as long as `timeout`.
    pub const fn new(inner: S, locker: Arc<dyn Locker>, timeout: Duration) -> Self {
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

    /// Counts one more request that writes, where they are limited.
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

/// The upload that the request has to have for itself.
fn wanted(parts: &Parts) -> Option<UploadId> {
    if !matches!(parts.method, Method::HEAD | Method::PATCH | Method::DELETE) {
        return None;
    }
    match Target::of(parts) {
        Ok(Target::Upload(id)) => Some(id),
        Ok(Target::Collection) | Err(_) => None,
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Lock<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Send + 'static,
    ResBody: Default + Send,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let Some(id) = wanted(&parts) else {
            let future = self.inner.call(Request::from_parts(parts, body));
            return ResponseFuture::new(Answer::Inner { future });
        };
        let admitted = self.admit(&parts.method);
        let (locker, timeout) = (Arc::clone(&self.locker), self.timeout);
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::new(Answer::awaited(async move {
            // Before the lock, which may be a file of its own.
            let _permit = match admitted {
                Ok(permit) => permit,
                Err(error) => return Ok(error.into_response()),
            };
            let interrupt = parts
                .extensions
                .get::<Interrupt>()
                .cloned()
                .unwrap_or_default();
            let holder = interrupt.clone();
            let guard = match acquire(&*locker, &id, &interrupt, holder, timeout).await {
                Ok(guard) => guard,
                Err(error) => return Ok(error.into_response()),
            };
            let response = inner.call(Request::from_parts(parts, body)).await;
            guard.release().await;
            response
        }))
    }
}
