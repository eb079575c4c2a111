//! Requests with all that is sent, and answers.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::actions::{Claim, Framing, Span, Sum};

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Create(New),
    Append {
        offset: u64,
        /// The value of `Upload-Length`, if it is sent.
        length: Option<u64>,
        load: Load,
    },
    Head,
    Get(Option<Span>),
    Delete,
}

/// A creation.
#[derive(Clone, Debug)]
pub(crate) struct New {
    /// The id that the client asks for.
    pub(crate) id: Option<String>,
    pub(crate) about: Arc<About>,
    pub(crate) content: Content,
}

impl New {
    pub(crate) fn brings_bytes(&self) -> bool {
        matches!(self.content, Content::Sent(_, Some(_)))
    }
}

/// What a new upload consists of.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// What clients send, now or later.
    Sent(NewLength, Option<Load>),
    Joined(Joined),
}

/// What a final consists of.
#[derive(Clone)]
pub(crate) enum Joined {
    /// Finished uploads with these bytes.
    Whole(Bytes),
    /// Uploads of which some are unfinished: their entries, and what tells them from
    /// others.
    Waits(Vec<(usize, Arc<About>)>),
    /// Uploads that prevent it with one of these statuses.
    Refused(Vec<u16>),
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Waits(parts) => {
                let parts: Vec<_> = parts.iter().map(|(part, _)| part).collect();
                write!(f, "when {parts:?} are finished")
            }
            Self::Refused(statuses) => write!(f, "refused with one of {statuses:?}"),
        }
    }
}

/// The headers about the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewLength {
    Known(u64),
    Deferred,
    Both,
    Neither,
}

/// What HEAD repeats of a creation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) metadata: String,
    /// The value of `Upload-Concat`.
    pub(crate) concat: Option<String>,
    pub(crate) owner: Option<Owner>,
}

/// Whom the metadata names as the owner of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Alice,
    Bob,
}

impl About {
    pub(crate) fn is_partial(&self) -> bool {
        self.concat.as_deref() == Some("partial")
    }

    pub(crate) fn is_final(&self) -> bool {
        self.concat.is_some() && !self.is_partial()
    }
}

/// A body.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) bytes: Bytes,
    pub(crate) framing: Framing,
    pub(crate) sum: Sum,
    pub(crate) pieces: usize,
}

impl Load {
    /// Whether all of it is stored or nothing.
    pub(crate) fn is_atomic(&self) -> bool {
        self.sum != Sum::Absent
    }

    /// Returns the status with which its checksum is refused, if it is.
    pub(crate) fn refusal(&self) -> Option<u16> {
        match self.sum {
            Sum::Header(Claim::Wrong) | Sum::Trailer(Claim::Wrong) => Some(460),
            Sum::Header(Claim::Unknown) | Sum::Trailer(Claim::Unknown) => Some(400),
            Sum::Absent | Sum::Header(Claim::Right) | Sum::Trailer(Claim::Right) => None,
        }
    }

    /// Whether the head of the request tells that the checksum is useless.
    pub(crate) fn is_malformed(&self) -> bool {
        self.sum == Sum::Header(Claim::Unknown)
    }

    /// Returns the value of `Upload-Checksum`.
    pub(crate) fn checksum(&self, claim: Claim) -> String {
        let digest = |bytes: &[u8]| STANDARD.encode(Sha256::digest(bytes));
        match claim {
            Claim::Right => format!("sha256 {}", digest(&self.bytes)),
            Claim::Wrong => format!("sha256 {}", digest(&[&self.bytes[..], b"!"].concat())),
            Claim::Unknown => format!("sha0 {}", digest(&self.bytes)),
        }
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, framing, sum) = (self.bytes.len(), self.framing, self.sum);
        write!(f, "{bytes} bytes ({framing:?}, {sum:?})")
    }
}

/// An answer to the end of its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("the header is text"))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let value = self.header(name)?;
        Some(value.parse().expect("the header is a number"))
    }

    /// Whether the request was ended for another one.
    pub(crate) fn gave_way(&self) -> bool {
        self.status == 400 && self.body.starts_with(b"ERR_UPLOAD_INTERRUPTED")
    }

    /// Whether another server has changed the upload meanwhile.
    pub(crate) fn was_beaten(&self) -> bool {
        self.status == 423 && self.header("retry-after").is_some()
    }

    /// Returns the id of the upload that was created.
    pub(crate) fn id(&self) -> Option<String> {
        let (_, id) = self.header("location")?.split_once("/files/")?;
        Some(id.to_owned())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.headers)?;
        match std::str::from_utf8(&self.body) {
            Ok(text) if text.len() < 100 => write!(f, " {text:?}"),
            _ => write!(f, " {} bytes", self.body.len()),
        }
    }
}
