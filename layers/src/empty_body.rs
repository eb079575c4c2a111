//! A body that must be empty.

use bytes::Bytes;
use http::request::Parts;
use http_body::Body as _;

use crate::protocol::header::{content_length, is_offset_octet_stream};
use crate::protocol::{Body, Error, Strictness};

/// Whether bytes come: they do when a frame with bytes does, and they do not when
/// the body ends before that.
///
/// What a body says of itself errs in the safe direction only. One that says that
/// it has ended has, and one that promises bytes has them, so neither is waited
/// for: at the first poll hyper sends `100 Continue`. One that says neither may
/// be empty all the same, since its end is still on its way, in a frame of
/// HTTP/2 or a chunk of HTTP/1.1, or since a layer has wrapped it.
pub(crate) async fn bytes_come(body: &mut Body) -> Result<bool, Error> {
    if body.size_hint().lower() > 0 {
        return Ok(true);
    }
    while !body.is_end_stream() {
        let Some(frame) = body.next().await else {
            break;
        };
        let frame = frame?;
        if frame
            .data_ref()
            .is_some_and(|data: &Bytes| !data.is_empty())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the head of the request says that no bytes come, which the host enforces.
pub(crate) fn is_announced(parts: &Parts) -> bool {
    content_length(&parts.headers) == Some(0)
}

/// Refuses a creation that brings bytes: those of an upload are for the layer that
/// takes them, and all others are a mistake that only tusd ignores. CWU-03, AMB-08
pub(crate) async fn refuse_bytes(
    parts: &Parts,
    mut body: Body,
    strictness: Strictness,
) -> Result<(), Error> {
    let of_another_type = !is_offset_octet_stream(&parts.headers);
    if of_another_type && strictness == Strictness::Lenient {
        return Ok(());
    }
    if is_announced(parts) || !bytes_come(&mut body).await? {
        return Ok(());
    }
    if of_another_type {
        strictness.forgives("POST with another Content-Type");
    }
    Err(Error::InvalidContentType)
}
