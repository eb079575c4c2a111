use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use tower_tus::{AppendOptions, Body, Chunk, Length, Metadata, NewUpload, Store};

use crate::runtime::run;
use crate::world::World;

/// `Range`: the first byte is the length of the upload, and each line behind it is a
/// header of its own.
pub fn range(data: &[u8]) {
    let Some((&length, lines)) = data.split_first() else {
        return;
    };
    let lines = lines.split(|&byte| byte == b'\n');
    let values: Result<Vec<_>, _> = lines.map(HeaderValue::from_bytes).collect();
    if let Ok(values) = values {
        run(is_given(usize::from(length), values));
    }
}

/// The client gets what it asked for, or all of it, and the headers say which.
async fn is_given(length: usize, values: Vec<HeaderValue>) {
    // No two bytes are the same, so that each range can be told from the others.
    let content: Vec<u8> = (0..=u8::MAX).take(length).collect();
    let world = World::empty();
    stored(&world, &content).await;
    let (status, headers, body) = get(&world, &values).await;
    match status {
        StatusCode::OK => assert_eq!(body, content),
        StatusCode::RANGE_NOT_SATISFIABLE => {
            assert!(length > 0, "everything of nothing is nothing");
            assert_eq!(headers[CONTENT_RANGE], format!("bytes */{length}"));
        }
        StatusCode::PARTIAL_CONTENT => {
            let ranges = ranges(&headers, &body, &content);
            let whole: usize = ranges.iter().map(Range::len).sum();
            assert!(ranges.len() <= 32, "{} ranges", ranges.len());
            assert!(whole <= length, "{whole} bytes of {length}");
            are_given_again(&world, &ranges, &content).await;
        }
        other => panic!("{other} {values:?}"),
    }
    if let [value] = &values[..]
        && let Some(range) = plain(value, length)
    {
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(ranges(&headers, &body, &content), [range]);
    }
    world.check().await;
}

async fn stored(world: &World, content: &[u8]) {
    let length = u32::try_from(content.len()).expect("it is a byte");
    let mut new = NewUpload::new(Some(Length::from(length)), Metadata::EMPTY);
    new.id = "a".parse().expect("it is an id");
    let mut upload = world.store.create(new).await.expect("the id is free");
    let mut body = Body::from(Bytes::copy_from_slice(content));
    let appended = upload.append(Chunk::new(&mut body), AppendOptions::default());
    assert_eq!(appended.await.offset, u64::from(length));
}

async fn get(world: &World, values: &[HeaderValue]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get("/files/a");
    for value in values {
        request = request.header(RANGE, value);
    }
    let (head, body) = world.ask(request, "").await.into_parts();
    let body = body.collect().await.expect("it is in memory").to_bytes();
    (head.status, head.headers, body.to_vec())
}

/// Reads the ranges of a response, each with the bytes that it names.
fn ranges(headers: &HeaderMap, body: &[u8], content: &[u8]) -> Vec<Range<usize>> {
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().expect("it is text"))
    };
    if let Some(one) = text(CONTENT_RANGE) {
        let range = named(one, content.len());
        assert_eq!(body, &content[range.clone()]);
        return vec![range];
    }
    let kind = text(CONTENT_TYPE).expect("it has a type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.expect("there is more than one range");
    let mut rest = body;
    let mut ranges = Vec::new();
    loop {
        rest = after(rest, format!("\r\n--{boundary}").as_bytes());
        if rest == b"--\r\n" {
            return ranges;
        }
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, behind) = rest.split_at(end.expect("a part has a head") + 4);
        let head = str::from_utf8(head).expect("a head is text");
        let (_, one) = head
            .split_once("\r\nContent-Range: ")
            .expect("it says where");
        let range = named(one.trim_end(), content.len());
        rest = after(behind, &content[range.clone()]);
        ranges.push(range);
    }
}

fn after<'a>(bytes: &'a [u8], begin: &[u8]) -> &'a [u8] {
    let rest = bytes.strip_prefix(begin);
    rest.unwrap_or_else(|| panic!("{:?} is not next", begin.escape_ascii().to_string()))
}

/// Reads a `Content-Range`, which is never empty.
fn named(text: &str, length: usize) -> Range<usize> {
    let range = text.strip_suffix(&format!("/{length}"));
    let range = range.and_then(|range| range.strip_prefix("bytes "));
    let (first, last) = range
        .and_then(|range| range.split_once('-'))
        .expect("it is a range");
    let number = |text: &str| text.parse::<usize>().expect("it is a number");
    let range = number(first)..number(last) + 1;
    assert!(range.end <= length && !range.is_empty(), "{text}");
    range
}

/// Reads the simplest form: `bytes=1-2`, in canonical numbers, and within the upload.
fn plain(value: &HeaderValue, length: usize) -> Option<Range<usize>> {
    let (first, last) = value
        .to_str()
        .ok()?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    let number = |text: &str| {
        text.bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| text.parse().ok())
    };
    let (first, last): (usize, usize) = (number(first)??, number(last)??);
    (first <= last && last < length).then(|| first..last + 1)
}

/// What was given can be asked for, and is given again.
async fn are_given_again(world: &World, given: &[Range<usize>], content: &[u8]) {
    let list: Vec<_> = given
        .iter()
        .map(|it| format!("{}-{}", it.start, it.end - 1))
        .collect();
    let value = HeaderValue::try_from(format!("bytes={}", list.join(",")));
    let (status, headers, body) = get(world, &[value.expect("it is text")]).await;
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(ranges(&headers, &body, content), given);
}
