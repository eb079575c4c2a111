use crate::protocol::{Error, Offset};

#[cfg(doc)]
use super::Handle;

/// How [`Handle::append`] stores a chunk.
///
/// A store that wraps another one passes the options on as they are.
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
    /// What happens to the bytes when the chunk fails.
    pub mode: WriteMode,
}

impl From<WriteMode> for AppendOptions {
    fn from(mode: WriteMode) -> Self {
        Self { mode }
    }
}

/// What happens to the bytes of a chunk that fails.
///
/// A request extension for the core; the default is [`WriteMode::Streaming`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteMode {
    /// All bytes that came are stored. CORE-31
    #[default]
    Streaming,
    /// Nothing is stored unless the chunk ends without an error, also when the
    /// server is killed in the middle.
    Atomic,
}

impl WriteMode {
    /// Whether a chunk is stored whole or not at all.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        matches!(self, Self::Atomic)
    }
}

/// What [`Handle::append`] stored.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Appended {
    /// The new offset of the upload.
    pub offset: Offset,
    /// What ended the chunk early: an error of the body or of the store.
    pub error: Option<Error>,
}

impl Appended {
    /// The upload has reached `offset`, and the chunk was `stored` to its end or not.
    pub fn new(offset: Offset, stored: Result<(), Error>) -> Self {
        Self {
            offset,
            error: stored.err(),
        }
    }
}
