//! Converts a hook's response to a reply.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tower_tus_layers::hooks::{HookKind, Reply, Verdict};
use tower_tus_layers::protocol::{InvalidUploadId, Metadata, ResponseOverride};

use super::response::{FileInfoChanges, HookResponse, HttpResponse};
use super::storage;

/// A response that cannot be carried out.
#[derive(Debug)]
pub(in crate::hooks) enum InvalidReply {
    Json(serde_json::Error),
    Member(String),
    Storage(String),
    Status(i64),
    Header(String),
    Id(String),
    Metadata,
}

impl HookResponse {
    /// Converts the response to a reply to the event `kind`.
    pub(in crate::hooks) fn into_reply(self, kind: HookKind) -> Result<Reply, InvalidReply> {
        let mut reply = Reply::accept();
        reply.verdict = match kind {
            HookKind::PreCreate if self.reject_upload => Verdict::Reject,
            HookKind::PreTerminate if self.reject_termination => Verdict::Reject,
            HookKind::PostReceive if self.stop_upload => Verdict::Stop,
            _ => Verdict::Accept,
        };
        reply.response = self.http_response.into_override()?;
        if kind == HookKind::PreCreate {
            self.change_file_info.make(&mut reply)?;
        }
        Ok(reply)
    }
}

impl FileInfoChanges {
    fn make(self, reply: &mut Reply) -> Result<(), InvalidReply> {
        if !self.id.is_empty() {
            let id = self.id.trim_matches('/').parse();
            reply.id = Some(id.map_err(|_| InvalidReply::Id(self.id))?);
        }
        if let Some(pairs) = self.meta_data {
            let metadata = Metadata::from_pairs(pairs).map_err(|_| InvalidReply::Metadata)?;
            reply.metadata = Some(metadata);
        }
        storage::read(self.storage, reply).map_err(InvalidReply::Storage)
    }
}

impl HttpResponse {
    fn into_override(self) -> Result<ResponseOverride, InvalidReply> {
        let mut change = ResponseOverride::default();
        if self.status_code != 0 {
            change.status = Some(status(self.status_code)?);
        }
        if !self.body.is_empty() {
            change.body = Some(Bytes::from(self.body));
        }
        for (name, value) in self.header {
            insert(&mut change.headers, name, &value)?;
        }
        Ok(change)
    }
}

fn status(code: i64) -> Result<StatusCode, InvalidReply> {
    let status = u16::try_from(code)
        .ok()
        .filter(|code| (200..600).contains(code));
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or(InvalidReply::Status(code))
}

/// Headers of the connection and of the message framing, which a hook cannot
/// set.
const OF_THE_MESSAGE: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE];

fn insert(headers: &mut HeaderMap, name: String, value: &str) -> Result<(), InvalidReply> {
    let header = name.parse::<HeaderName>();
    let (Ok(header), Ok(value)) = (header, HeaderValue::from_bytes(value.as_bytes())) else {
        return Err(InvalidReply::Header(name));
    };
    if !OF_THE_MESSAGE.contains(&header) {
        headers.insert(header, value);
    }
    Ok(())
}

impl fmt::Display for InvalidReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "invalid JSON in the hook response: {error}"),
            Self::Member(name) => write!(f, "a hook response has no member {name:?}"),
            Self::Storage(key) => {
                let names = storage::NAMES;
                write!(f, "ChangeFileInfo.Storage has no {key:?}, only {names}")
            }
            Self::Status(code) => write!(f, "{code} is not a valid response status"),
            Self::Header(name) => write!(f, "invalid header: {name:?}"),
            Self::Id(id) => write!(f, "the id {id:?} is {}", InvalidUploadId::RULE),
            Self::Metadata => f.write_str("metadata that Upload-Metadata cannot carry"),
        }
    }
}

impl Error for InvalidReply {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}
