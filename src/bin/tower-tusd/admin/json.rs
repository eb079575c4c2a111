//! Uploads for programs. `docs/administration.md` describes the members.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use tower_tus::layers::protocol::{Error, Upload, UploadId};

use super::output::reason;

/// An upload as JSON.
#[derive(Debug, Serialize)]
pub(super) struct UploadLine<'a> {
    id: &'a str,
    state: &'static str,
    offset: u64,
    length: Option<u64>,
    created: Option<String>,
    last_activity: Option<String>,
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
    metadata: BTreeMap<&'a str, Cow<'a, str>>,
    partial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<&'a str>>,
    path: Option<Cow<'a, str>>,
}

impl<'a> UploadLine<'a> {
    pub(super) fn new(
        upload: &'a Upload,
        state: &'static str,
        expires: Option<SystemTime>,
    ) -> Self {
        let metadata = upload.metadata.iter();
        let concat = upload.concat.as_ref().filter(|concat| concat.is_final());
        Self {
            id: upload.id.as_str(),
            state,
            offset: upload.offset.get(),
            length: upload.length.map(|length| length.get()),
            created: upload.created.and_then(rfc3339),
            last_activity: upload.last_activity().and_then(rfc3339),
            expires: expires.and_then(rfc3339),
            held: None,
            metadata: metadata
                .map(|(key, value)| (key, String::from_utf8_lossy(value)))
                .collect(),
            partial: upload.is_partial(),
            parts: concat.map(|concat| concat.parts().iter().map(UploadId::as_str).collect()),
            path: upload.path().map(Path::to_string_lossy),
        }
    }

    pub(super) fn held(mut self, held: bool) -> Self {
        self.held = Some(held);
        self
    }
}

/// An upload whose state cannot be read.
#[derive(Debug, Serialize)]
pub(super) struct UnreadableLine<'a> {
    id: &'a str,
    state: &'static str,
    error: String,
}

impl<'a> UnreadableLine<'a> {
    pub(super) fn new(id: &'a UploadId, error: &Error) -> Self {
        Self {
            id: id.as_str(),
            state: "unreadable",
            error: reason(error),
        }
    }
}

/// A time in UTC: `2026-11-27T03:12:44Z`. `None` beyond the year 9999.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    let time = Timestamp::try_from(time).ok()?;
    Some(time.to_string())
}
