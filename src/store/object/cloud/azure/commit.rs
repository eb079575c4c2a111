use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, Method};

use crate::store::object::cloud::own::{Own, Unsigned};
use crate::store::object::cloud::properties::tags;
use crate::store::object::objects::{ObjectError, PartNumber, Properties, Result, Tag, When};

const TIER: HeaderName = HeaderName::from_static("x-ms-access-tier");
const TYPE: HeaderName = HeaderName::from_static("x-ms-blob-content-type");
const DISPOSITION: HeaderName = HeaderName::from_static("x-ms-blob-content-disposition");
const CACHE_CONTROL: HeaderName = HeaderName::from_static("x-ms-blob-cache-control");
const TAGS: HeaderName = HeaderName::from_static("x-ms-tags");

/// Makes an object of blocks. The crate would check no conditions and set no properties.
pub(super) async fn commit(
    own: &Own,
    key: &str,
    blocks: &[(PartNumber, Tag)],
    when: When<'_>,
    properties: &Properties,
) -> Result<Tag> {
    let request = Unsigned::new(Method::PUT, key)
        .query("comp", "blocklist")
        .body(body(blocks));
    let request = describe(request, properties)?;
    let request = match when {
        When::Always => request,
        When::Absent => request.header(IF_NONE_MATCH, "*")?,
        When::Match(tag) => request.header(IF_MATCH, &tag.0)?,
    };
    let answer = own.send(request).await?;
    let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    match tag {
        Some(tag) => Ok(Tag(tag.to_owned())),
        None => Err(ObjectError::Unknown("the answer has no ETag".into())),
    }
}

/// Adds the properties of the object.
fn describe<'a>(mut request: Unsigned<'a>, properties: &Properties) -> Result<Unsigned<'a>> {
    for (name, value) in [
        (TIER, &properties.storage_class),
        (TYPE, &properties.content_type),
        (DISPOSITION, &properties.content_disposition),
        (CACHE_CONTROL, &properties.cache_control),
    ] {
        if let Some(value) = value {
            request = request.header(name, value)?;
        }
    }
    for (name, value) in &properties.metadata {
        let name: Result<HeaderName, _> = format!("x-ms-meta-{name}").parse();
        let name = name.map_err(|error| ObjectError::Invalid(error.into()))?;
        request = request.header(name, value)?;
    }
    match tags(properties) {
        tags if tags.is_empty() => Ok(request),
        tags => request.header(TAGS, tags.encoded()),
    }
}

fn body(blocks: &[(PartNumber, Tag)]) -> String {
    let mut body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>".to_owned();
    for (_, Tag(name)) in blocks {
        let name = BASE64_STANDARD.encode(name);
        // Writing to a `String` never fails.
        let _ = write!(body, "<Uncommitted>{name}</Uncommitted>");
    }
    body + "</BlockList>"
}
