//! POST: a final is made.

use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::settings::{Settings, release};
use crate::protocol::{Concat, NewConcat, Outcome, Role, UploadId};

/// Makes a final of `parts`, which are locked meanwhile.
pub(super) async fn create<S, B, ResBody>(
    inner: S,
    settings: Settings,
    request: Request<B>,
    raw: HeaderValue,
    parts: Vec<UploadId>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: Default,
{
    let (head, body) = request.into_parts();
    // Before anything is locked: a stranger, or a request that is refused
    // anyway, interrupts nobody who writes to a part.
    let permitted = match settings.verified(&head, &parts).await {
        Ok(partials) => partials.pass_gates(&head).await,
        Err(error) => Err(error),
    };
    if let Err(error) = permitted {
        return Ok(error.into_response());
    }
    let guards = match settings.lock_all(&head, &parts).await {
        Ok(guards) => guards,
        Err(error) => return Ok(error.into_response()),
    };
    let request = Request::from_parts(head, body);
    let response = create_of_locked(inner, &settings, request, raw, &parts).await;
    release(guards).await;
    response
}

async fn create_of_locked<S, B, ResBody>(
    mut inner: S,
    settings: &Settings,
    request: Request<B>,
    raw: HeaderValue,
    parts: &[UploadId],
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: Default,
{
    let (mut head, body) = request.into_parts();
    let verified = settings.verified(&head, parts).await;
    let verified = verified.and_then(|partials| Ok((partials.length(&head)?, partials)));
    let (length, partials) = match verified {
        Ok(verified) => verified,
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
    let response = inner.call(Request::from_parts(head, body)).await?;
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
