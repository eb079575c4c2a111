//! Checks that a body is empty.

use bytes::Bytes;
use http::request::Parts;
use http_body::Body as _;

use crate::protocol::header::{content_length, is_offset_octet_stream};
use crate::protocol::{Body, Error, Strictness};

/// Whether a body has bytes. The first frame with bytes decides, or else the end of
/// the body.
///
/// The hints of a body are reliable in one direction only. If it reports its end, or
/// a size above 0, that is true, and the body is not polled: the first poll makes
/// hyper send `100 Continue`. A body that reports neither may still be empty, because
/// its end is on its way, in an HTTP/2 frame or an HTTP/1.1 chunk, or because a layer
/// has wrapped it.
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

/// Whether the head of the request announces an empty body, which the host enforces.
pub(crate) fn is_announced(parts: &Parts) -> bool {
    content_length(&parts.headers) == Some(0)
}

/// Refuses a creation with a body. Bytes of an upload need CreationWithUpload; all
/// others are a mistake that only tusd ignores.
// CWU-03, AMB-08
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
