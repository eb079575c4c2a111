//! Heads of requests without the buffer that they arrived in.

use bytes::BytesMut;
use http::{HeaderValue, Request, Uri};

/// Copies the URI and the values of the headers out of hyper's read buffer, which would
/// otherwise stay in memory, all 8 KiB of it, until the last byte of the body has come.
pub(super) fn compact<B>(request: &mut Request<B>) {
    let uri = request.uri().to_string();
    let values = request.headers().values();
    let length = uri.len() + values.map(HeaderValue::len).sum::<usize>();
    let mut copy = BytesMut::with_capacity(length);
    copy.extend_from_slice(uri.as_bytes());
    for value in request.headers().values() {
        copy.extend_from_slice(value.as_bytes());
    }
    let mut copy = copy.freeze();
    // What was valid is valid; if it were not, the original would do.
    if let Ok(uri) = Uri::from_maybe_shared(copy.split_to(uri.len())) {
        *request.uri_mut() = uri;
    }
    for value in request.headers_mut().values_mut() {
        if let Ok(copied) = HeaderValue::from_maybe_shared(copy.split_to(value.len())) {
            *value = copied;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_compact_head_is_the_same_and_does_not_keep_its_buffer() {
        for target in ["/files/a?b=c", "http://tus:1/files/a", "*", "/"] {
            let value = "x".repeat(300) + "\u{fc}";
            let buffer = Bytes::from(format!("{target}\n{value}\nb").into_bytes());
            let slice = |range| HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap();
            let (begin, end) = (target.len() + 1, target.len() + 1 + value.len());
            let uri = Uri::from_maybe_shared(buffer.slice(..target.len())).unwrap();
            let request = Request::patch(uri)
                .header("upload-metadata", slice(begin..end))
                .header("x-twice", slice(end + 1..end + 2))
                .header("x-twice", "c");
            let mut request = request.body(()).unwrap();
            let before = (request.uri().clone(), request.headers().clone());
            compact(&mut request);
            assert_eq!((request.uri(), request.headers()), (&before.0, &before.1));
            assert_eq!(request.uri().to_string(), target);
            drop(before);
            assert!(buffer.is_unique(), "{target}");
        }
    }
}
