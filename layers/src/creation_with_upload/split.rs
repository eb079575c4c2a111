//! Recognizes requests that are two in one, and merges the two responses.

use headers::HeaderMapExt;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::protocol::header::{UPLOAD_CONCAT, is_offset_octet_stream};
use crate::protocol::{Body, Error, Length, Outcome, ResponseOverride};

/// Whether the request creates an upload and brings bytes for it.
// CWU-03
pub(super) fn brings_bytes(parts: &Parts) -> bool {
    parts.method == Method::POST && is_offset_octet_stream(&parts.headers)
}

/// Refuses a request that cannot succeed, before anything is created.
pub(super) fn verify(parts: &Parts, bytes: u64) -> Result<(), Error> {
    let concat = parts.headers.get(&UPLOAD_CONCAT).map(HeaderValue::as_bytes);
    if concat.is_some_and(|value| value.trim_ascii().starts_with(b"final")) {
        return Err(Error::ModifyFinal);
    }
    // The inner POST refuses a malformed length.
    let length = parts.headers.typed_get::<Length>();
    if length.is_some_and(|length| bytes > length.get()) {
        return Err(Error::SizeExceeded);
    }
    Ok(())
}

/// Whether the bytes failed their checksum. If so, nothing is kept of the request.
// AMB-17
pub(super) fn brought_others<B>(appended: &Response<B>) -> bool {
    let error = appended.extensions().get();
    matches!(
        error,
        Some(Error::ChecksumMismatch | Error::InvalidChecksum)
    )
}

/// Merges the two responses: the creation's, updated by the append's.
pub(super) fn merge(created: Response<Body>, appended: Response<Body>) -> Response<Body> {
    let (mut parts, created_body) = created.into_parts();
    let (mut append, append_body) = appended.into_parts();
    let plain = append.status == StatusCode::NO_CONTENT;

    // Location stays, since the append has none; Upload-Offset is the append's:
    // CWU-05, CWU-06
    parts.headers.extend(append.headers);
    let outcome = append.extensions.remove::<Outcome>();
    let change = parts.extensions.remove::<ResponseOverride>();
    parts.extensions.extend(append.extensions);
    let failed = parts.extensions.get::<Error>().is_some();
    // An override of a success does not apply to an error.
    if let Some(mut change) = change.filter(|_| !failed) {
        change.merge(parts.extensions.remove().unwrap_or_default());
        parts.extensions.insert(change);
    }
    if let Some(outcome) = outcome {
        if outcome.terminated {
            parts.headers.remove(LOCATION);
        }
        outcome.record(&mut parts.extensions);
    }
    if plain {
        return Response::from_parts(parts, created_body);
    }
    parts.status = append.status;
    Response::from_parts(parts, append_body)
}

/// Returns the response after the upload was removed: the append's, without
/// `Location`.
pub(super) fn refusal(
    created: Response<Body>,
    appended: Response<Body>,
    removed: &Response<Body>,
) -> Response<Body> {
    let headers = appended.headers().clone();
    let mut response = merge(created, appended);
    *response.headers_mut() = headers;
    if let Some(removed) = Outcome::of(removed.extensions()) {
        removed.clone().record(response.extensions_mut());
    }
    response
}
