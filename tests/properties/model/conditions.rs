//! What the answer to a request depends on besides the state of its upload.

use super::{Expiry, Quota, Whether};

/// What a request depends on besides its upload.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) create: Verdict,
    pub(crate) finish: Verdict,
    pub(crate) terminate: Verdict,
    /// Whether anybody decides about complete uploads, who are then not given out
    /// before they are finished.
    pub(crate) decides: bool,
    /// The least size of a part, if parts cannot be given out before they are joined.
    pub(crate) part_size: Option<u64>,
    /// Whether another request is sent at the same time to a server that does not wait for
    /// this one.
    pub(crate) is_apart: bool,
    /// Whether the server itself asks about complete uploads, whenever it likes.
    pub(crate) asks_by_itself: bool,
    /// How often an upload may be refused before it is rejected for good.
    pub(crate) attempts: u32,
    /// `None` if no upload expires.
    pub(crate) expiry: Option<Expiry>,
    /// `None` if there is room for everything.
    pub(crate) quota: Option<Quota>,
    /// Whether the upload does not expire because another one needs it.
    pub(crate) is_needed: Whether,
    /// Whether the server knows that it has removed an upload with this id because it
    /// had expired.
    pub(crate) is_buried: Whether,
}

/// What a gate or a hook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Agrees,
    /// Refuses with this status, which is a decision.
    Refuses(u16),
    /// Fails with this status, which is none.
    Fails(u16),
}

impl Verdict {
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Agrees => None,
            Self::Refuses(status) | Self::Fails(status) => Some(status),
        }
    }
}

/// How a request was left without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Torn {
    /// The client is gone, or waits, after this many bytes of the body, and the
    /// server has begun to read them.
    After(usize),
    /// The server was killed at any moment.
    Killed,
}
