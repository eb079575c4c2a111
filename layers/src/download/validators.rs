//! What a client may hold against what it has. RFC 9110, sections 8.8 and 13

use std::time::{SystemTime, UNIX_EPOCH};

use headers::{HeaderMapExt, IfModifiedSince, IfUnmodifiedSince, LastModified};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::store::Content;

/// The validators of what is stored now.
#[derive(Debug)]
pub(super) struct Validators {
    /// Where the store does not know when the bytes were changed there are
    /// none: an upload may have been ended, and made again of other bytes.
    tag: Option<HeaderValue>,
    modified: Option<SystemTime>,
}

impl Validators {
    pub(super) fn of(content: &dyn Content) -> Self {
        let modified = content.modified();
        let tag = modified.map(|modified| tag(modified, content.upload().offset.get()));
        Self {
            tag,
            // A time to come is none to tell.
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

    /// The status of the answer when a condition says that it has no content.
    /// RFC 9110, section 13.2.2
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

    /// Whether a part that the client wants fits to those that it has.
    pub(super) fn fit(&self, asked: &HeaderMap) -> bool {
        let Some(had) = asked.get(IF_RANGE) else {
            return true;
        };
        // Both are compared as they were sent: a weak tag is none of ours.
        let mut own = HeaderMap::new();
        self.write(&mut own);
        [ETAG, LAST_MODIFIED]
            .iter()
            .any(|name| own.get(name) == Some(had))
    }

    /// Whether the tag is in a list, by this comparison.
    fn is_among(&self, asked: &HeaderMap, name: &HeaderName, compare: Comparison) -> bool {
        let lines = asked.get_all(name).iter();
        // In a tag of ours there is no comma.
        let mut tags = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        tags.any(|tag| match tag.trim_ascii() {
            b"*" => true,
            tag => self.tag.as_ref().is_some_and(|own| own == compare(tag)),
        })
    }
}

/// A strong tag: bytes that are stored stay what they are, so that how many
/// there are tells one state of an upload from another; and when they were
/// written, one upload from the next of its id.
fn tag(modified: SystemTime, length: u64) -> HeaderValue {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let tag = format!("\"{:x}-{length:x}\"", since.as_nanos());
    HeaderValue::try_from(tag).expect("it is hex between quotes")
}

/// What a tag is compared by. RFC 9110, section 8.8.3.2
type Comparison = fn(&[u8]) -> &[u8];

/// A weak one keeps its prefix, and so is none of ours.
const fn strong(tag: &[u8]) -> &[u8] {
    tag
}

fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
