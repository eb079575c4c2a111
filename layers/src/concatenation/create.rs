//! POST: creates a final.

use http::request::Parts;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::ending::with_request;
use super::named;
use super::partials::Partials;
use super::settings::{Settings, release};
use crate::context::{Context, Derived};
use crate::empty_body::refuse_bytes;
use crate::protocol::{Body, Concat, Error, Interrupt, NewConcat, Outcome, Role, UploadId};

/// Creates a final of the uploads at `urls`, and locks them meanwhile.
pub(super) async fn create<S>(
    inner: S,
    settings: Settings,
    request: Request<Body>,
    raw: HeaderValue,
    urls: Vec<String>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let (head, body) = request.into_parts();
    // Before any gate runs and before anything is locked, so that a body that never
    // ends blocks no part.
    if let Err(error) = refuse_bytes(&head, body, settings.strictness).await {
        return Ok(error.into_response());
    }
    // Before anything is locked, so that a refused request interrupts no writer of a
    // part.
    let parts = match permit(&settings, &head, &urls).await {
        Ok(parts) => parts,
        Err(error) => return Ok(error.into_response()),
    };
    let copying = Interrupt::default();
    let guards = match settings.lock_all(&head, &parts, &copying).await {
        Ok(guards) => guards,
        Err(error) => return Ok(error.into_response()),
    };
    let mut inner_head = head.clone();
    Context::of_mut(&mut inner_head.extensions).set_interrupt(copying.clone());
    let creation = create_of_locked(inner, &settings, inner_head, raw, &parts);
    let response = with_request(&head, &copying, creation).await;
    release(guards).await;
    Ok(retried_later(response?))
}

/// Turns an interrupted copy into a lock timeout, which clients retry: the copy gave
/// way to another request, as if the parts had been locked.
fn retried_later(response: Response<Body>) -> Response<Body> {
    match response.extensions().get() {
        Some(Error::Interrupted) => Error::LockTimeout.into_response(),
        _ => response,
    }
}

/// Returns the parts of a final, or the reason to refuse it without locking them.
async fn permit(
    settings: &Settings,
    request: &Parts,
    urls: &[String],
) -> Result<Vec<UploadId>, Error> {
    let parts = named::find(settings, request, urls).await?;
    let partials = Partials::find(&*settings.store, &parts).await?;
    settings.accept(request, &partials)?;
    Ok(parts)
}

async fn create_of_locked<S>(
    mut inner: S,
    settings: &Settings,
    head: Parts,
    raw: HeaderValue,
    parts: &[UploadId],
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    // Checked again: from here on the locks keep the parts from changing.
    let found = Partials::find(&*settings.store, parts).await;
    let accepted = found.and_then(|found| Ok((settings.accept(&head, &found)?, found)));
    let (length, partials) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => return Ok(error.into_response()),
    };
    let pending = partials.unfinished().next().is_some();
    // By all parts: whoever terminates a finished one also terminates the final.
    let awaited: Vec<_> = partials.each().filter(|_| pending).collect();
    let role = Role::Final {
        parts: parts.to_vec(),
        pending,
    };
    let concat = Concat::new(role, Some(raw));
    let head = Derived::Final(NewConcat { concat, length }).of(head);
    let request = Request::from_parts(head, Body::default());
    let response = inner.call(request).await?;
    if let Some(outcome) = Outcome::of(response.extensions()) {
        for part in awaited {
            await_part(settings, part, &outcome.upload.id).await;
        }
    }
    Ok(response)
}

/// Records in a part that a final waits for it.
///
/// If this fails, or the server stops before it, the final exists all the same: its
/// next HEAD or GET completes it once its parts are finished, and terminates it once
/// one of them is gone.
async fn await_part(settings: &Settings, part: &UploadId, id: &UploadId) {
    let recorded = match settings.concatenate() {
        Ok(concatenate) => concatenate.await_part(part, id).await,
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        tracing::warn!(%error, %part, final_upload = %id, "could not record in a part that a final waits for it");
    }
}
