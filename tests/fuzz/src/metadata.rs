use std::collections::BTreeSet;

use http::{HeaderValue, StatusCode};
use tower_tus::Metadata;
use tower_tus::layers::protocol::header::UPLOAD_METADATA;

use crate::runtime::run;
use crate::world::{MAX_METADATA, MAX_PAIRS, World, create, head};

/// `Upload-Metadata`: each line is a header of its own.
pub fn metadata(lines: &[u8]) {
    let lines: Vec<_> = lines.split(|&byte| byte == b'\n').collect();
    let text = lines.join(&b',');
    let strict = Metadata::parse(&text).ok();
    let lenient = Metadata::parse_lenient(&text);
    is_read_again(&lenient);
    keeps_what_is_valid(&lenient, &text);
    if let Some(strict) = &strict {
        is_exact(strict, &text);
        assert_eq!(strict, &lenient, "what is valid is read the same leniently");
    }
    let values: Result<Vec<_>, _> = lines.into_iter().map(HeaderValue::from_bytes).collect();
    if let Ok(values) = values {
        let size = if is_large(&text) {
            Size::Large
        } else {
            Size::Small
        };
        run(is_stored(values, strict, size));
    }
}

/// The text is kept byte for byte, and the pairs are those that it would be made of.
fn is_exact(metadata: &Metadata, text: &[u8]) {
    let is_blank = text.trim_ascii().is_empty();
    assert_eq!(metadata.is_empty(), is_blank);
    let raw = metadata.raw().map(HeaderValue::as_bytes);
    assert_eq!(raw, (!is_blank).then_some(text));
    let again = Metadata::from_pairs(metadata.iter()).expect("its keys are valid");
    assert!(again.iter().eq(metadata.iter()));
    let raw = again.raw().map_or(&b""[..], HeaderValue::as_bytes);
    let again = Metadata::parse(raw).expect("what is written is valid");
    assert!(again.iter().eq(metadata.iter()));
}

/// What is left of a text is all read again.
fn is_read_again(lenient: &Metadata) {
    let raw = lenient.raw().map_or(&b""[..], HeaderValue::as_bytes);
    assert_eq!(&Metadata::parse_lenient(raw), lenient);
    let elements = raw.split(|&byte| byte == b',');
    let pairs = elements.filter(|it| !it.trim_ascii().is_empty()).count();
    assert_eq!(lenient.iter().count(), pairs);
    if let Ok(again) = Metadata::from_pairs(lenient.iter()) {
        assert!(again.iter().eq(lenient.iter()));
    }
}

/// Each key that is valid somewhere is there.
fn keeps_what_is_valid(lenient: &Metadata, text: &[u8]) {
    let elements = text.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let valid = elements.filter(|it| !Metadata::parse_lenient(it).is_empty());
    let keys = valid.map(|it| it.split(|&byte| byte == b' ').next());
    assert_eq!(lenient.iter().count(), keys.collect::<BTreeSet<_>>().len());
}

#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

fn is_large(text: &[u8]) -> bool {
    let elements = text.split(|&byte| byte == b',');
    let pairs = elements.filter(|it| !it.trim_ascii().is_empty()).count();
    text.len() > MAX_METADATA || pairs > MAX_PAIRS
}

/// A creation is refused if the metadata is invalid or too large. Otherwise HEAD gives
/// it back.
async fn is_stored(values: Vec<HeaderValue>, valid: Option<Metadata>, size: Size) {
    let world = World::empty();
    let mut request = create("5");
    for value in values {
        request = request.header(&UPLOAD_METADATA, value);
    }
    let response = world.ask(request, "").await;
    let expected = match (&valid, size) {
        (_, Size::Large) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        (None, Size::Small) => StatusCode::BAD_REQUEST,
        (Some(_), Size::Small) => StatusCode::CREATED,
    };
    assert_eq!(response.status(), expected);
    if response.status() == StatusCode::CREATED {
        let path = response.headers()["location"]
            .to_str()
            .expect("it is a URL");
        let response = world.ask(head(path), "").await;
        let given = response.headers().get(&UPLOAD_METADATA);
        assert_eq!(given, valid.as_ref().and_then(Metadata::raw));
    }
    world.check().await;
}
