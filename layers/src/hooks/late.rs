//! Removes uploads that hooks have stopped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use tower_service::Service;

use super::stop::Removal;
use crate::context::{Derived, Rollback};
use crate::lock::Locker;
use crate::protocol::{Body, Error, Interrupt, Outcome, UploadId};
use crate::ready::call_again;

/// The lock to take for a removal after the response.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) locker: Arc<dyn Locker>,
    pub(super) timeout: Duration,
}

/// Removes an upload on behalf of `request`, which holds its lock.
pub(super) async fn remove<S>(
    inner: &mut S,
    request: &Parts,
    id: &UploadId,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    call_again(inner, delete(request, id, Rollback::Always)).await
}

/// Returns a function that removes an upload after the response, unless it is
/// finished by then.
pub(super) fn removal<S>(inner: S, lock: Option<Lock>, request: Arc<Parts>) -> Removal
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    let inner = Mutex::new(inner);
    Arc::new(move |id| {
        // Only a clone can panic under the mutex, and it changes nothing.
        let inner = inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(remove_later(inner, lock.clone(), Arc::clone(&request), id))
    })
}

async fn remove_later<S>(
    mut inner: S,
    lock: Option<Lock>,
    request: Arc<Parts>,
    id: UploadId,
) -> Option<Outcome>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let guard = match lock {
        Some(Lock { locker, timeout }) => {
            // The removal itself cannot be interrupted: it is short.
            let holder = Interrupt::default();
            let guard = locker.acquire_to_terminate(&id, holder, timeout).await;
            let failed =
                |error: &Error| tracing::warn!(%error, %id, "a stopped upload was not removed");
            Some(guard.inspect_err(failed).ok()?)
        }
        None => None,
    };
    let delete = delete(&request, &id, Rollback::UnlessFinished);
    let removed = call_again(&mut inner, delete).await;
    if let Some(guard) = guard {
        guard.release().await;
    }
    let outcome = removed.ok()?.extensions_mut().remove::<Outcome>()?;
    tracing::info!(%id, "UploadTerminated");
    Some(outcome)
}

fn delete(request: &Parts, id: &UploadId, rollback: Rollback) -> Request<Body> {
    let parts = Derived::Rollback(id.clone(), rollback).of(request.clone());
    Request::from_parts(parts, Body::default())
}
