use crate::protocol::{Error, Offset};

#[cfg(doc)]
use super::Handle;

/// Options of [`Handle::append`].
///
/// A store that wraps another one passes the options on unchanged.
///
/// ```
/// use tower_tus_layers::store::{AppendOptions, WriteMode};
///
/// let options = AppendOptions::from(WriteMode::Atomic);
/// assert!(options.mode.is_atomic());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendOptions {
    /// Whether bytes are kept if the chunk fails.
    pub mode: WriteMode,
}

impl From<WriteMode> for AppendOptions {
    fn from(mode: WriteMode) -> Self {
        Self { mode }
    }
}

/// Whether the bytes of a chunk that fails are kept.
///
/// Set for a request in its [`Context`](crate::context::Context); the default
/// is [`WriteMode::Streaming`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteMode {
    /// All bytes that arrived are stored.
    // CORE-31
    #[default]
    Streaming,
    /// Nothing is stored unless the chunk ends without an error, even if the
    /// server is killed in the middle.
    Atomic,
}

impl WriteMode {
    /// Returns whether a chunk is stored as a whole or not at all.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        matches!(self, Self::Atomic)
    }
}

/// The result of [`Handle::append`].
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Appended {
    /// The new offset of the upload.
    pub offset: Offset,
    /// The error of the body or of the store that ended the chunk early.
    pub error: Option<Error>,
}

impl Appended {
    /// Creates a result with the new offset, and with the error that ended the
    /// chunk, if any.
    pub fn new(offset: Offset, stored: Result<(), Error>) -> Self {
        Self {
            offset,
            error: stored.err(),
        }
    }
}
