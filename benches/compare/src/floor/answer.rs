//! Answers with the headers that a tus server sends, and what requests say.

use http::{HeaderMap, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;

use crate::Result;

pub(super) type Response = http::Response<Empty<Bytes>>;

const BASE: &str = "/files/";
const CHUNK: &[u8] = b"application/offset+octet-stream";

/// Builds an answer without a body.
pub(super) fn answer<const N: usize>(
    status: StatusCode,
    headers: [(&'static str, String); N],
) -> Result<Response> {
    let mut response = http::Response::builder()
        .status(status)
        .header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(Empty::new())?)
}

/// Answers that an upload is created. Bytes that came with the request have an offset.
pub(super) fn created(id: &str, offset: Option<u64>) -> Result<Response> {
    let location = ("location", format!("http://localhost{BASE}{id}"));
    match offset {
        None => answer(StatusCode::CREATED, [location]),
        Some(offset) => {
            let offset = ("upload-offset", offset.to_string());
            answer(StatusCode::CREATED, [location, offset])
        }
    }
}

/// Returns the id in a path, which is a name in the directory, or an empty one.
pub(super) fn id(path: &str) -> &str {
    let id = path.strip_prefix(BASE).unwrap_or_default();
    let is_name = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_name { id } else { "" }
}

/// Whether the body of a request is a chunk of an upload.
pub(super) fn has_chunk(headers: &HeaderMap) -> bool {
    headers
        .get("content-type")
        .is_some_and(|value| value.as_bytes() == CHUNK)
}

/// Reads a number from a header.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
