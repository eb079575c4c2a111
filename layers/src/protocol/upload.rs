use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::{Concat, Length, Metadata, Offset, UploadId};

/// The state of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload {
    /// The id, which is the last part of the upload's URL.
    pub id: UploadId,
    /// The number of stored bytes.
    pub offset: Offset,
    /// The number of bytes when complete, or `None` while the length is
    /// deferred.
    pub length: Option<Length>,
    /// The metadata that the client sent.
    pub metadata: Metadata,
    /// The recorded finish state. `None` for an upload that is finished as soon
    /// as it is complete.
    pub finishing: Option<FinishState>,
    /// The relation to other uploads, if any.
    pub concat: Option<Concat>,
    /// Where the store keeps the upload, in the store's own terms, for hooks.
    /// For a file: `Type`, `Path` and `InfoPath`.
    pub storage: Option<Arc<BTreeMap<String, String>>>,
    path: Option<Arc<Path>>,
}

/// The recorded state of an upload that needs more than its bytes to be
/// finished.
///
/// An upload is *receiving* until its last byte is stored, then *complete*, and
/// *finished* once the store's own finish and every deciding gate have
/// succeeded.
///
/// Stores that keep it as text can use its text form: `pending 2`, `done`.
///
/// ```
/// use tower_tus_layers::protocol::FinishState;
///
/// let pending = FinishState::Pending { attempts: 2 };
/// assert_eq!(pending.to_string(), "pending 2");
/// assert_eq!("pending 2".parse(), Ok(pending));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishState {
    /// Receiving, or complete but not finished.
    Pending {
        /// The number of refused attempts to finish it.
        attempts: u32,
    },
    /// Finished.
    Done,
}

impl fmt::Display for FinishState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending { attempts } => write!(f, "pending {attempts}"),
            Self::Done => f.write_str("done"),
        }
    }
}

impl FromStr for FinishState {
    type Err = InvalidFinishState;

    fn from_str(text: &str) -> Result<Self, InvalidFinishState> {
        if text == "done" {
            return Ok(Self::Done);
        }
        let attempts = text.strip_prefix("pending ").map(str::parse);
        match attempts {
            Some(Ok(attempts)) => Ok(Self::Pending { attempts }),
            _ => Err(InvalidFinishState(())),
        }
    }
}

/// Error for a text that is not a [`FinishState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFinishState(());

impl fmt::Display for InvalidFinishState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid finish state")
    }
}

impl std::error::Error for InvalidFinishState {}

impl Upload {
    /// Creates an upload without bytes, length and metadata.
    #[must_use]
    pub fn new(id: UploadId) -> Self {
        Self {
            id,
            offset: Offset::ZERO,
            length: None,
            metadata: Metadata::EMPTY,
            finishing: None,
            concat: None,
            storage: None,
            path: None,
        }
    }

    /// Returns the absolute path of the file with the bytes of the upload, if
    /// the store keeps them in one, even if a hook has chosen the path.
    ///
    /// Until the upload is [finished](Self::is_finished), the file may grow or
    /// shrink.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Upload;
    ///
    /// async fn checksum(upload: &Upload) -> std::io::Result<u64> {
    ///     let path = upload.path().ok_or(std::io::ErrorKind::Unsupported)?;
    ///     let bytes = std::fs::read(path)?;
    ///     Ok(bytes.iter().copied().map(u64::from).sum())
    /// }
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Sets the result of [`path`](Self::path), for stores that keep files.
    pub fn set_path(&mut self, path: impl AsRef<Path>) {
        self.path = Some(path.as_ref().into());
    }

    /// Returns whether every byte is stored; never while the length is
    /// deferred.
    // DEF-05
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.is_pending() && self.length.is_some_and(|it| it.remaining(self.offset) == 0)
    }

    /// Returns whether it is made of other uploads, so that clients cannot
    /// append to it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_final)
    }

    /// Returns whether it waits for other uploads to finish before they are
    /// concatenated.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_pending)
    }

    /// Returns whether it is a partial upload: a part of final ones.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.concat
            .as_ref()
            .is_some_and(|concat| !concat.is_final())
    }

    /// Returns whether it is complete, and the store and all gates have
    /// finished it.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_complete() && !matches!(self.finishing, Some(FinishState::Pending { .. }))
    }
}

/// An upload that is about to be created: everything that a gate may still
/// change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUpload {
    /// The id; random by default.
    pub id: UploadId,
    /// The number of bytes when complete, or `None` if the client defers the
    /// length.
    pub length: Option<Length>,
    /// The metadata that the client sent.
    pub metadata: Metadata,
    /// Where the store will keep the bytes, for stores with a choice.
    pub storage_path: Option<String>,
    /// The finish state to record from the start.
    pub finishing: Option<FinishState>,
    /// The relation to other uploads, if any.
    pub concat: Option<Concat>,
}

impl NewUpload {
    /// Creates an upload of this length with a random id.
    #[must_use]
    pub fn new(length: Option<Length>, metadata: Metadata) -> Self {
        Self {
            id: UploadId::random(),
            length,
            metadata,
            storage_path: None,
            finishing: None,
            concat: None,
        }
    }
}

/// The state of a newly created upload, without bytes.
impl From<NewUpload> for Upload {
    fn from(new: NewUpload) -> Self {
        Self {
            length: new.length,
            metadata: new.metadata,
            finishing: new.finishing,
            concat: new.concat,
            ..Self::new(new.id)
        }
    }
}

/// What a request is about to do with an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// POST: create it. Only access policies get this action; gates use
    /// [`creating`](crate::gate::Gate::creating) instead.
    Create,
    /// HEAD: return its offset.
    Inspect,
    /// PATCH: add bytes.
    Append,
    /// DELETE: terminate it.
    Terminate,
    /// GET: read its bytes.
    Read,
    /// POST: make it a part of a final upload, whose creator can then read it.
    Concatenate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finish_state_is_read_as_it_was_written() {
        for state in [
            FinishState::Done,
            FinishState::Pending { attempts: 0 },
            FinishState::Pending { attempts: u32::MAX },
        ] {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for text in [
            "",
            "pending",
            "pending -1",
            "pending 4294967296",
            "Done",
            "done ",
        ] {
            assert!(text.parse::<FinishState>().is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn a_new_upload_becomes_an_upload_with_all_that_was_asked_for() {
        let mut new = NewUpload::new(Some(Length::from(5)), Metadata::parse(b"a YQ==").unwrap());
        new.finishing = Some(FinishState::Done);
        let upload = Upload::from(new.clone());
        assert_eq!(upload.id, new.id);
        assert_eq!(upload.offset, Offset::ZERO);
        assert_eq!(upload.length, Some(Length::from(5)));
        assert_eq!(upload.metadata, new.metadata);
        assert_eq!(upload.finishing, Some(FinishState::Done));
        assert_eq!(upload.path(), None);
    }
}
