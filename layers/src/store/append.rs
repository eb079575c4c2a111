use std::fmt;

use crate::protocol::{BoxError, Error, Interrupt, Offset};

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
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AppendOptions {
    /// Whether bytes are kept if the chunk fails.
    pub mode: WriteMode,
    /// Whether the core calls [`Handle::finish_and_record`] next, if the upload is
    /// complete and the store has not failed. A store can then hold the last bytes back,
    /// to make both durable in one step. `false` by default.
    pub is_finished_next: bool,
    /// Fires when the request is to end. A chunk that is read then fails with the cause:
    /// this is for a store that waits for something else, such as memory. By default one
    /// that nobody fires.
    pub interrupt: Interrupt,
}

impl From<WriteMode> for AppendOptions {
    fn from(mode: WriteMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
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
    ///
    /// A chunk that is already there to its end when its first byte is stored
    /// has been verified. If the server is killed while such a chunk is being
    /// stored, the first part of it may remain.
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
    /// The error that ended the chunk early.
    pub error: Option<AppendError>,
}

impl Appended {
    /// Creates a result with the new offset, and with the error that ended the
    /// chunk, if any.
    pub fn new(offset: Offset, stored: Result<(), AppendError>) -> Self {
        Self {
            offset,
            error: stored.err(),
        }
    }

    /// Returns whether the store failed, so that the upload must not be
    /// finished.
    #[must_use]
    pub const fn store_failed(&self) -> bool {
        matches!(self.error, Some(AppendError::Store(_)))
    }
}

/// The error that ended a chunk early.
///
/// The difference counts: an upload may be complete although the body of its
/// last chunk failed, but it is never finished by a request whose append failed
/// in the store. If both failed, it is the store's error.
///
/// ```
/// use tower_tus_layers::protocol::Chunk;
/// use tower_tus_layers::store::AppendError;
///
/// async fn write(mut chunk: Chunk<'_>, file: &mut Vec<u8>) -> Result<(), AppendError> {
///     while let Some(data) = chunk.next_data().await {
///         let data = data.map_err(AppendError::Body)?;
///         std::io::Write::write_all(file, &data).map_err(AppendError::store)?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The body ended with an error.
    Body(Error),
    /// The store could not keep all the bytes that arrived.
    Store(Error),
}

impl AppendError {
    /// Creates the [internal](Error::internal) error of a store.
    pub fn store(source: impl Into<BoxError>) -> Self {
        Self::Store(Error::internal(source))
    }

    /// Returns the error itself.
    #[must_use]
    pub const fn error(&self) -> &Error {
        match self {
            Self::Body(error) | Self::Store(error) => error,
        }
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Body(error) | AppendError::Store(error) => error,
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}
