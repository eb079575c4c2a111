//! POST: a final is made.

use std::pin::pin;

use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::RequestBody;
use super::partials::Partials;
use super::settings::{Settings, release};
use crate::emptiness::refuse_bytes;
use crate::protocol::{BoxError, Concat, Error, NewConcat, Outcome, Role, UploadId};

/// Makes a final of `parts`, which are locked meanwhile.
pub(super) async fn create<S, B, ResBody>(
    inner: S,
    settings: Settings,
    request: Request<B>,
    raw: HeaderValue,
    parts: Vec<UploadId>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>>,
    B: Body,
    B::Error: Into<BoxError>,
    ResBody: Default,
{
    let (head, body) = request.into_parts();
    // Before anybody is asked and anything is locked: a body whose end does not
    // come holds no part.
    if let Err(error) = refuse_bytes(&head, pin!(body), settings.strictness).await {
        return Ok(error.into_response());
    }
    // Before anything is locked: who is refused interrupts nobody who writes to
    // a part.
    if let Err(error) = permit(&settings, &head, &parts).await {
        return Ok(error.into_response());
    }
    let guards = match settings.lock_all(&head, &parts).await {
        Ok(guards) => guards,
        Err(error) => return Ok(error.into_response()),
    };
    let response = create_of_locked(inner, &settings, head, raw, &parts).await;
    release(guards).await;
    response
}

/// Refuses what can be refused at first sight. A stranger is not told what else
/// is wrong with a part, so the gates come first.
async fn permit(settings: &Settings, request: &Parts, parts: &[UploadId]) -> Result<(), Error> {
    let partials = Partials::find(&*settings.store, parts).await?;
    partials.pass_gates(request).await?;
    settings.accept(request, &partials).map(drop)
}

async fn create_of_locked<S, B, ResBody>(
    mut inner: S,
    settings: &Settings,
    mut head: Parts,
    raw: HeaderValue,
    parts: &[UploadId],
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResBody>>,
    ResBody: Default,
{
    // Now that they are locked, what they are is what they stay.
    let found = Partials::find(&*settings.store, parts).await;
    let accepted = found.and_then(|found| Ok((settings.accept(&head, &found)?, found)));
    let (length, partials) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => return Ok(error.into_response()),
    };
    let unfinished: Vec<_> = partials.unfinished().collect();
    let role = Role::Final {
        parts: parts.to_vec(),
        pending: !unfinished.is_empty(),
    };
    head.extensions.insert(NewConcat {
        concat: Concat::new(role, Some(raw)),
        length,
    });
    let request = Request::from_parts(head, RequestBody::empty());
    let response = inner.call(request).await?;
    if let Some(outcome) = response.extensions().get::<Outcome>() {
        for part in unfinished {
            await_part(settings, part, &outcome.upload.id).await;
        }
    }
    Ok(response)
}

/// Records in a part which final waits for it.
///
/// Where that fails, or is cut off before it, the final is there all the same:
/// whoever asks for it completes it once its parts are finished, and ends it
/// once one of them is gone.
async fn await_part(settings: &Settings, part: &UploadId, id: &UploadId) {
    let recorded = match settings.concatenate() {
        Ok(concatenate) => concatenate.await_part(part, id).await,
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        tracing::warn!(%error, %part, final_upload = %id, "a part does not know who awaits it");
    }
}
