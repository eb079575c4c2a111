//! Compares what a client has with what is stored (RFC 9110, sections 8.8 and 13).

use std::time::{SystemTime, UNIX_EPOCH};

use headers::{HeaderMapExt, IfModifiedSince, IfUnmodifiedSince, LastModified};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::store::Content;

/// The validators of what is stored now.
#[derive(Debug)]
pub(super) struct Validators {
    /// `None` if the store does not know when the bytes last changed: the upload may
    /// have been terminated, and created again with other bytes.
    tag: Option<HeaderValue>,
    modified: Option<SystemTime>,
}

impl Validators {
    pub(super) fn of(content: &dyn Content) -> Self {
        let modified = content.modified();
        let tag = modified.map(|modified| tag(modified, content.upload().offset.get()));
        Self {
            tag,
            // `Last-Modified` must not lie in the future.
            modified: modified.map(|modified| modified.min(SystemTime::now())),
        }
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some(tag) = &self.tag {
            headers.insert(ETAG, tag.clone());
        }
        if let Some(modified) = self.modified {
            headers.typed_insert(LastModified::from(modified));
        }
    }

    /// Returns the status if a precondition of the request fails (RFC 9110, section
    /// 13.2.2).
    pub(super) fn refusal(&self, asked: &HeaderMap) -> Option<StatusCode> {
        if asked.contains_key(IF_MATCH) {
            if !self.is_among(asked, &IF_MATCH, strong) {
                return Some(StatusCode::PRECONDITION_FAILED);
            }
        } else if let (Some(since), Some(modified)) = (asked.typed_get(), self.modified)
            && !IfUnmodifiedSince::precondition_passes(&since, modified)
        {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
        if asked.contains_key(IF_NONE_MATCH) {
            return self
                .is_among(asked, &IF_NONE_MATCH, weak)
                .then_some(StatusCode::NOT_MODIFIED);
        }
        let (since, modified) = (asked.typed_get()?, self.modified?);
        (!IfModifiedSince::is_modified(&since, modified)).then_some(StatusCode::NOT_MODIFIED)
    }

    /// Whether a part of these bytes fits the parts that the client has (`If-Range`).
    pub(super) fn fit(&self, asked: &HeaderMap) -> bool {
        let Some(had) = asked.get(IF_RANGE) else {
            return true;
        };
        // Compared literally: a weak tag never equals ours.
        let mut own = HeaderMap::new();
        self.write(&mut own);
        [ETAG, LAST_MODIFIED]
            .iter()
            .any(|name| own.get(name) == Some(had))
    }

    /// Whether a list contains the tag, by this comparison.
    fn is_among(&self, asked: &HeaderMap, name: &HeaderName, compare: Comparison) -> bool {
        let lines = asked.get_all(name).iter();
        // Our tags contain no comma.
        let mut tags = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        tags.any(|tag| match tag.trim_ascii() {
            b"*" => true,
            tag => self.tag.as_ref().is_some_and(|own| own == compare(tag)),
        })
    }
}

/// Returns a strong tag. Stored bytes never change, so their number tells the states
/// of one upload apart. The time of the last write tells uploads with the same id
/// apart.
fn tag(modified: SystemTime, length: u64) -> HeaderValue {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let tag = format!("\"{:x}-{length:x}\"", since.as_nanos());
    HeaderValue::try_from(tag).expect("it is hex between quotes")
}

/// How tags are compared (RFC 9110, section 8.8.3.2).
type Comparison = fn(&[u8]) -> &[u8];

/// Keeps the prefix of a weak tag, which therefore never equals ours.
const fn strong(tag: &[u8]) -> &[u8] {
    tag
}

fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
