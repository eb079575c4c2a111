//! One request into two, and two responses into one.

use headers::HeaderMapExt;
use http::header::{CONTENT_LENGTH, EXPECT, LOCATION, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::protocol::header::{
    UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA, UploadLength, UploadOffset,
    is_offset_octet_stream,
};
use crate::protocol::{Error, Interrupt, Outcome, ResponseOverride, Rollback, Target, UploadId};

/// Whether the request creates an upload and brings bytes for it. CWU-03
pub(super) fn brings_bytes(parts: &Parts) -> bool {
    parts.method == Method::POST && is_offset_octet_stream(&parts.headers)
}

/// Refuses what cannot succeed, before anything exists.
pub(super) fn verify(parts: &Parts, bytes: u64) -> Result<(), Error> {
    let concat = parts.headers.get(&UPLOAD_CONCAT).map(HeaderValue::as_bytes);
    if concat.is_some_and(|value| value.trim_ascii().starts_with(b"final")) {
        return Err(Error::ModifyFinal);
    }
    // A length that cannot be read is for the inner POST to refuse.
    let length = parts.headers.typed_get::<UploadLength>();
    if length.is_some_and(|length| bytes > length.bytes()) {
        return Err(Error::SizeExceeded);
    }
    Ok(())
}

/// The request that creates the upload: all of it but its bytes.
pub(super) fn creation(parts: &Parts) -> Parts {
    let mut creation = parts.clone();
    creation.headers.remove(EXPECT);
    creation.headers.remove(TRANSFER_ENCODING);
    creation
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    creation
}

/// The request that appends to it.
pub(super) fn append(mut parts: Parts, id: UploadId) -> Parts {
    parts.method = Method::PATCH;
    for header in [
        &UPLOAD_LENGTH,
        &UPLOAD_DEFER_LENGTH,
        &UPLOAD_METADATA,
        &UPLOAD_CONCAT,
    ] {
        parts.headers.remove(header);
    }
    parts.headers.typed_insert(UploadOffset::saturating(0));
    parts.extensions.insert(Target::Upload(id));
    parts
}

/// The request that takes the upload back. What ends the others does not end this one.
pub(super) fn removal(parts: &Parts, id: &UploadId) -> Parts {
    let mut removal = creation(parts);
    removal.method = Method::DELETE;
    removal.extensions.remove::<Interrupt>();
    removal.extensions.insert(Target::Upload(id.clone()));
    removal.extensions.insert(Rollback);
    removal
}

/// Whether the bytes are not those that the client speaks of: then nothing is
/// left of the request. AMB-17
pub(super) fn brought_others<B>(appended: &Response<B>) -> bool {
    let error = appended.extensions().get();
    matches!(
        error,
        Some(Error::ChecksumMismatch | Error::InvalidChecksum)
    )
}

/// The answer to both: the creation's, with what the append has to say.
pub(super) fn merge<B>(created: Response<B>, appended: Response<B>) -> Response<B> {
    let (mut parts, created_body) = created.into_parts();
    let (append, append_body) = appended.into_parts();
    let plain = append.status == StatusCode::NO_CONTENT;

    // Location stays: the append has none. Upload-Offset is the append's: CWU-05, CWU-06
    parts.headers.extend(append.headers);
    // CRE-10: an upload without bytes was finished by its creation.
    let finished = parts.extensions.get::<Outcome>();
    let finished = finished.is_some_and(|outcome| outcome.finished);
    let amendment = parts.extensions.remove::<ResponseOverride>();
    parts.extensions.extend(append.extensions);
    let failed = parts.extensions.get::<Error>().is_some();
    // What was to be said of success is not said of an error.
    if let Some(mut amendment) = amendment.filter(|_| !failed) {
        amendment.merge(parts.extensions.remove().unwrap_or_default());
        parts.extensions.insert(amendment);
    }
    if let Some(outcome) = parts.extensions.get_mut::<Outcome>() {
        outcome.created = true;
        outcome.finished |= finished;
        if outcome.terminated {
            parts.headers.remove(LOCATION);
        }
    }
    if plain {
        return Response::from_parts(parts, created_body);
    }
    parts.status = append.status;
    Response::from_parts(parts, append_body)
}

/// The answer when the upload was taken back: the append's, so without `Location`.
pub(super) fn refusal<B>(
    created: Response<B>,
    appended: Response<B>,
    removed: &Response<B>,
) -> Response<B> {
    let headers = appended.headers().clone();
    let mut response = merge(created, appended);
    *response.headers_mut() = headers;
    let removed = removed.extensions().get::<Outcome>();
    if let Some(outcome) = response.extensions_mut().get_mut::<Outcome>() {
        outcome.terminated = removed.is_some_and(|removed| removed.terminated);
    }
    response
}
