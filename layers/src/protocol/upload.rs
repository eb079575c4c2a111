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
    /// How many bytes are stored.
    pub offset: Offset,
    /// How many bytes the upload will have, or `None` while the client defers it.
    pub length: Option<Length>,
    /// What the client said about it.
    pub metadata: Metadata,
    /// The recorded finish state. `None` for an upload that is finished as soon as
    /// it is complete.
    pub finishing: Option<FinishState>,
    /// How it relates to other uploads, if it does.
    pub concat: Option<Concat>,
    /// Where the store keeps it, in the store's own words, for hooks: for a file
    /// `Type`, `Path` and `InfoPath`.
    pub storage: Option<Arc<BTreeMap<String, String>>>,
    path: Option<Arc<Path>>,
}

/// What is recorded of an upload that is finished only when more has succeeded than
/// storing its bytes.
///
/// An upload is *receiving* until its last byte is stored, then *complete*, then
/// *finished*: when the store's own finish and every gate that decides have
/// succeeded once.
///
/// Its text is for stores that keep it as text: `pending 2`, `done`.
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
    /// Receiving, or complete and not finished.
    Pending {
        /// How many attempts to finish it were refused.
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

/// The text is not a [`FinishState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFinishState(());

impl fmt::Display for InvalidFinishState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid finish state")
    }
}

impl std::error::Error for InvalidFinishState {}

impl Upload {
    /// Makes an upload without bytes, length and metadata.
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

    /// The file with the bytes of the upload, if the store keeps them in one: also
    /// where a hook has chosen its path. It is an absolute path.
    ///
    /// Until the upload is [finished](Self::is_finished), the file may grow or shrink.
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

    /// Sets what [`path`](Self::path) returns: for stores that keep files.
    pub fn set_path(&mut self, path: impl AsRef<Path>) {
        self.path = Some(path.as_ref().into());
    }

    /// Whether every byte is stored. DEF-05: never while the length is deferred.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.is_pending() && self.length.is_some_and(|it| it.remaining(self.offset) == 0)
    }

    /// Whether it is made of other uploads, so that clients cannot append to it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_final)
    }

    /// Whether it waits for other uploads to finish, to be made of them.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.concat.as_ref().is_some_and(Concat::is_pending)
    }

    /// Whether it is a partial: a part of finals to come.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.concat
            .as_ref()
            .is_some_and(|concat| !concat.is_final())
    }

    /// Whether it is complete, and the store and all gates have finished it.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_complete() && !matches!(self.finishing, Some(FinishState::Pending { .. }))
    }
}

/// An upload that is about to be created: all that a gate may still change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUpload {
    /// The id; a random one unless a gate changes it.
    pub id: UploadId,
    /// How many bytes the upload will have, or `None` if the client defers it.
    pub length: Option<Length>,
    /// What the client said about it.
    pub metadata: Metadata,
    /// Where the store will keep its bytes, for stores that have a choice.
    pub storage_path: Option<String>,
    /// The finish state to record from the start.
    pub finishing: Option<FinishState>,
    /// How it relates to other uploads, if it does.
    pub concat: Option<Concat>,
}

impl NewUpload {
    /// Makes an upload of this length with a random id.
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

/// The upload that a store creates, without bytes.
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
    /// POST: create it. Only an access policy is asked; gates have
    /// [`creating`](crate::gate::Gate::creating) for this.
    Create,
    /// HEAD: ask for its offset.
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
