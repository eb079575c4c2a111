//! Turns stored content into a response.

use std::ops::Range;

use headers::{AcceptRanges, ContentLength, ContentType, HeaderMapExt};
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::body::{Piece, Pieces};
use super::budget::Share;
use super::disposition::describe;
use super::range::Wanted;
use super::validators::Validators;
use crate::protocol::{Body, UploadId};
use crate::store::Content;

/// Returns the response to a request with these headers.
pub(super) fn represent(
    asked: &HeaderMap,
    content: Box<dyn Content>,
    share: Share,
) -> Response<Body> {
    let mut response = Response::default();
    let validators = Validators::of(&*content);
    let headers = response.headers_mut();
    validators.write(headers);
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(status) = validators.refusal(asked) {
        *response.status_mut() = status;
        return response;
    }
    let whole = content.upload().offset.get();
    let wanted = match validators.fit(asked) {
        true => Wanted::of(asked, whole),
        false => Wanted::Whole,
    };
    if wanted == Wanted::Beyond {
        headers.insert(CONTENT_RANGE, value(format!("bytes */{whole}")));
        *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
        return response;
    }
    give(response, wanted, content, share)
}

fn give(
    mut response: Response<Body>,
    wanted: Wanted,
    content: Box<dyn Content>,
    share: Share,
) -> Response<Body> {
    let upload = content.upload();
    let whole = upload.offset.get();
    let headers = response.headers_mut();
    let content_type = describe(headers, &upload.metadata, &content.headers());
    let (status, pieces) = match wanted {
        Wanted::Ranges(ranges) => (
            StatusCode::PARTIAL_CONTENT,
            part(headers, &content_type, ranges, whole),
        ),
        _ => (StatusCode::OK, vec![Piece::Stored(0..whole)]),
    };
    let pieces = Pieces::new(content, share, pieces);
    headers.typed_insert(ContentLength(pieces.len()));
    *response.status_mut() = status;
    *response.body_mut() = Body::new(pieces);
    response
}

/// Returns one range, or several as one multipart body (RFC 9110, section 14.6).
fn part(
    headers: &mut HeaderMap,
    content_type: &ContentType,
    ranges: Vec<Range<u64>>,
    whole: u64,
) -> Vec<Piece> {
    if let [range] = &ranges[..] {
        headers.insert(CONTENT_RANGE, value(content_range(range, whole)));
        return vec![Piece::Stored(range.clone())];
    }
    // It cannot be guessed, so no upload contains it.
    let boundary = UploadId::random();
    let multipart = format!("multipart/byteranges; boundary={boundary}");
    headers.insert(CONTENT_TYPE, value(multipart));
    let mut pieces = Vec::with_capacity(2 * ranges.len() + 1);
    for range in ranges {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {}\r\n\r\n",
            content_range(&range, whole)
        );
        pieces.extend([Piece::Text(head.into()), Piece::Stored(range)]);
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

/// Formats `Content-Range` for a range that is not empty.
fn content_range(range: &Range<u64>, whole: u64) -> String {
    format!("bytes {}-{}/{whole}", range.start, range.end - 1)
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("it is visible ASCII and spaces")
}
