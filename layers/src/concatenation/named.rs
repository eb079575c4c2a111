//! Resolves the URLs of a final to uploads.

use std::collections::HashMap;

use http::request::Parts;

use super::settings::Settings;
use crate::context::Context;
use crate::protocol::{Action, Error, Upload, UploadId};

/// Returns the upload of each URL, in the order of the list: the first of the
/// [candidates](crate::protocol::BaseUrl::candidates) that exists, may be a part and
/// may be used by the client. Each URL is looked up once.
///
/// # Errors
///
/// [`Error::NotFound`] if no candidate exists; otherwise the reason why the likeliest
/// existing one cannot be used.
// CAT-18, AMB-14
pub(super) async fn find(
    settings: &Settings,
    request: &Parts,
    urls: &[String],
) -> Result<Vec<UploadId>, Error> {
    let base = Context::base_url(request);
    let (mut known, mut parts) = (HashMap::new(), Vec::with_capacity(urls.len()));
    for url in urls {
        if !known.contains_key(url) {
            let candidates = base.candidates(url, request);
            known.insert(url, choose(settings, request, candidates).await?);
        }
        parts.push(known[url].clone());
    }
    Ok(parts)
}

async fn choose(
    settings: &Settings,
    request: &Parts,
    candidates: Vec<UploadId>,
) -> Result<UploadId, Error> {
    let mut refusal = None;
    for id in candidates {
        let upload = match settings.store.open(&id).await {
            Ok(handle) => handle.info().clone(),
            Err(Error::NotFound) => continue,
            Err(error) => return Err(error),
        };
        match permit(settings, request, &upload).await {
            Ok(()) => return Ok(id),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or(Error::NotFound))
}

/// Checks that the client may use an upload as a part: a final makes its parts
/// readable. The gates run first, since a client without access must not learn what
/// else is wrong.
async fn permit(settings: &Settings, request: &Parts, upload: &Upload) -> Result<(), Error> {
    for gate in Context::of(&request.extensions).gates() {
        gate.opened(request, upload, Action::Concatenate).await?;
    }
    // CAT-18
    let what = "a final of uploads that are not partial";
    match upload.is_partial() || settings.strictness.forgives(what) {
        true => Ok(()),
        false => Err(Error::InvalidConcat),
    }
}
