use std::future::ready;
use std::str;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use tower_tus::layers::protocol::header::UPLOAD_CHECKSUM;
use tower_tus::{Algorithms, Body};

use crate::runtime::run;
use crate::world::{World, create, patch};

/// `Upload-Checksum`: the first line is the header, and the rest is the body. After a `>`
/// it is a trailer. A digest that is `*` stands for the right one.
pub fn checksum(data: &[u8]) {
    let end = data
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(data.len());
    let (line, body) = data.split_at(end);
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    let body = body.slice(..body.len().min(256));
    let (value, place) = match line.strip_prefix(b">") {
        Some(value) => (value, Place::Trailer),
        None => (line, Place::Header),
    };
    let value = filled_in(value, &body);
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        run(is_verified(&value, place, body));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Trailer,
}

fn filled_in(value: &[u8], body: &[u8]) -> Vec<u8> {
    let name = value.strip_suffix(b" *").map(str::from_utf8);
    let right = name.and_then(|name| right(name.ok()?, body));
    right.map_or_else(|| value.to_owned(), String::into_bytes)
}

/// The header for this algorithm, if it is known.
fn right(name: &str, body: &[u8]) -> Option<String> {
    let all = Algorithms::default();
    let mut digest = all.get(name)?.begin();
    digest.update(body);
    Some(format!("{name} {}", STANDARD.encode(digest.finish())))
}

/// The bytes are stored if their checksum is right, and otherwise none of them are.
async fn is_verified(value: &HeaderValue, place: Place, body: Bytes) {
    let world = World::of(|stack| stack.checksum_trailers(Algorithms::default()));
    let length = body.len();
    let created = world.ask(create(&length.to_string()), "").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let mut request = patch("n1");
    let mut trailers = HeaderMap::new();
    match place {
        Place::Header => request = request.header(&UPLOAD_CHECKSUM, value),
        Place::Trailer => {
            request = request.header("Trailer", "Upload-Checksum");
            trailers.insert(&UPLOAD_CHECKSUM, value.clone());
        }
    }
    let sent = body.clone();
    let body = Full::new(body).with_trailers(ready(Some(Ok(trailers))));
    let response = world.ask(request, Body::new(body)).await;

    let name = value
        .to_str()
        .ok()
        .and_then(|value| value.split(' ').next());
    let right = name.and_then(|name| right(name, &sent));
    let is_right = right.is_some_and(|right| right.as_bytes() == value.as_bytes());
    let stored = world.bytes("n1").expect("it was created");
    match is_right {
        true => assert_eq!(response.status(), StatusCode::NO_CONTENT, "{response:?}"),
        false => assert!(
            matches!(response.status().as_u16(), 400 | 460),
            "{response:?}"
        ),
    }
    let kept = if is_right { &sent[..] } else { b"" };
    assert_eq!(stored, kept);
    world.check().await;
}
