//! Removing uploads that hooks have stopped.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::RequestBody;
use super::stop::Removal;
use crate::lock::{Locker, acquire};
use crate::protocol::{Error, Interrupt, Outcome, Rollback, Target, UnlessFinished, UploadId};

/// What a removal between two requests waits for.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) locker: Arc<dyn Locker>,
    pub(super) timeout: Duration,
}

/// Removes an upload on behalf of `request`, which has its lock.
pub(super) async fn remove<S, B, ResBody>(
    inner: &mut S,
    request: &Parts,
    id: &UploadId,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>>,
{
    send(inner, delete(request, id)).await
}

async fn send<S, B, ResBody>(inner: &mut S, parts: Parts) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let request = Request::from_parts(parts, RequestBody::empty());
    inner.call(request).await
}

/// The removal of an upload between two requests, unless it is finished by then.
pub(super) fn removal<S, B, ResBody>(inner: S, lock: Option<Lock>, request: Arc<Parts>) -> Removal
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    ResBody: Send + 'static,
{
    let inner = Mutex::new(inner);
    Arc::new(move |id| {
        // Nothing that runs under the lock can fail but a clone, which changes nothing.
        let inner = inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(remove_later(inner, lock.clone(), Arc::clone(&request), id))
    })
}

async fn remove_later<S, B, ResBody>(
    mut inner: S,
    lock: Option<Lock>,
    request: Arc<Parts>,
    id: UploadId,
) -> Option<Outcome>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>>,
{
    let guard = match lock {
        Some(Lock { locker, timeout }) => {
            // It is not cut off itself: it ends soon.
            let (waiting, holder) = (Interrupt::default(), Interrupt::default());
            let guard = acquire(&*locker, &id, &waiting, holder, timeout).await;
            let failed =
                |error: &Error| tracing::warn!(%error, %id, "a stopped upload was not removed");
            Some(guard.inspect_err(failed).ok()?)
        }
        None => None,
    };
    let mut delete = delete(&request, &id);
    delete.extensions.insert(UnlessFinished);
    let removed = send(&mut inner, delete).await;
    if let Some(guard) = guard {
        guard.release().await;
    }
    let outcome = removed.ok()?.extensions_mut().remove::<Outcome>()?;
    tracing::info!(%id, "UploadTerminated");
    Some(outcome)
}

fn delete(request: &Parts, id: &UploadId) -> Parts {
    let mut parts = request.clone();
    parts.method = Method::DELETE;
    parts.extensions.insert(Rollback);
    parts.extensions.insert(Target::Upload(id.clone()));
    // It has ended the request, and would end waiting for pending finals too.
    parts.extensions.remove::<Interrupt>();
    parts
}
