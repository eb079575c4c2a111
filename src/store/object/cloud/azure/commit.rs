use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, Method};

use crate::store::object::cloud::own::{Own, Unsigned};
use crate::store::object::objects::{ObjectError, PartNumber, Result, Tag, When};

const TIER: HeaderName = HeaderName::from_static("x-ms-access-tier");

/// Makes an object of blocks. The crate would not check conditions.
pub(super) async fn commit(
    own: &Own,
    key: &str,
    blocks: &[(PartNumber, Tag)],
    when: When<'_>,
    tier: Option<&str>,
) -> Result<Tag> {
    let mut request = Unsigned::new(Method::PUT, key)
        .query("comp", "blocklist")
        .body(body(blocks));
    if let Some(tier) = tier {
        request = request.header(TIER, tier)?;
    }
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

fn body(blocks: &[(PartNumber, Tag)]) -> String {
    let mut body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>".to_owned();
    for (_, Tag(name)) in blocks {
        let name = BASE64_STANDARD.encode(name);
        // Writing to a `String` never fails.
        let _ = write!(body, "<Uncommitted>{name}</Uncommitted>");
    }
    body + "</BlockList>"
}
