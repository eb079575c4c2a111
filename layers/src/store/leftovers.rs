//! Finds and removes what crashes have left.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::protocol::{Error, UploadId};

#[cfg(doc)]
use super::Store;

/// The capability to find and remove what belongs to no upload.
#[async_trait]
pub trait Cleaner: Send + Sync {
    /// Returns the next leftovers in the order of their names. Nothing is changed.
    ///
    /// What a request is just making looks like a leftover, too. So callers leave young
    /// ones alone, and take the lock before they [clean](Self::clean).
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why the storage could not be read.
    async fn leftovers(&self, request: &LeftoverRequest) -> Result<LeftoverPage, Error>;

    /// Removes a leftover, after another look whether it still is one. The caller
    /// holds the lock of [its upload](Leftover::id).
    ///
    /// Returns the number of bytes that it had, or `None` if it is gone, is no leftover
    /// any more, or is in use.
    ///
    /// # Errors
    ///
    /// The reason why it could not be removed.
    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error>;
}

/// Selects a page of leftovers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftoverRequest {
    /// Returns only leftovers whose name is greater: the
    /// [`next`](LeftoverPage::next) of the page before.
    pub after: Option<String>,
    /// Maximum number of leftovers in the page: 1,000 by default. A store may return
    /// fewer. 0 counts as 1.
    pub limit: usize,
}

impl Default for LeftoverRequest {
    fn default() -> Self {
        Self {
            after: None,
            limit: 1_000,
        }
    }
}

impl LeftoverRequest {
    /// Continues after this name.
    #[must_use]
    pub fn after(mut self, name: String) -> Self {
        self.after = Some(name);
        self
    }

    /// Sets the maximum number of leftovers in the page.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of leftovers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LeftoverPage {
    /// The leftovers, in the order of their names.
    pub leftovers: Vec<Leftover>,
    /// Where the next page begins: pass it to [`LeftoverRequest::after`]. `None` if
    /// this is the last page.
    pub next: Option<String>,
}

/// Something in the storage that belongs to no upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its name in the store's own terms: for a file, the path below the directory.
    pub name: String,
    /// The upload that it belonged to, if it has one.
    pub id: Option<UploadId>,
    /// What it is.
    pub kind: LeftoverKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed, if known.
    pub modified: Option<SystemTime>,
}

impl Leftover {
    /// Creates a leftover without a size.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: LeftoverKind) -> Self {
        Self {
            name: name.into(),
            id: None,
            kind,
            bytes: 0,
            modified: None,
        }
    }
}

/// What a [`Leftover`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftoverKind {
    /// An upload that was half created or half removed.
    HalfMade,
    /// A file that a crash left while another one was written.
    Draft,
    /// The mark of a chunk whose upload is gone.
    Chunk,
    /// A lock whose holder is gone.
    Lock,
    /// Bytes without a state, of an upload that never had any.
    Empty,
    /// The state of an upload whose bytes are gone: a hook has moved them away, or
    /// somebody has removed them.
    Moved,
    /// Bytes without a state. They may be a finished upload whose state a hook has
    /// removed, so they belong to somebody.
    Orphan,
    /// A state that cannot be read. It may be repaired, so it belongs to somebody.
    Unreadable,
}

impl LeftoverKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::HalfMade,
        Self::Draft,
        Self::Chunk,
        Self::Lock,
        Self::Empty,
        Self::Moved,
        Self::Orphan,
        Self::Unreadable,
    ];

    /// Returns whether it may belong to somebody, so that it is removed only on
    /// request.
    #[must_use]
    pub const fn is_foreign(self) -> bool {
        matches!(self, Self::Orphan | Self::Unreadable)
    }

    /// Returns its name, such as `half-made`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HalfMade => "half-made",
            Self::Draft => "draft",
            Self::Chunk => "chunk",
            Self::Lock => "lock",
            Self::Empty => "empty",
            Self::Moved => "moved",
            Self::Orphan => "orphan",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for LeftoverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
