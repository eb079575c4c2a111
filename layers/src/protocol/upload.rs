use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Concat, Length, Metadata, NewObject, Offset, UploadId};

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
    /// What makes the upload complete.
    pub completion: Completion,
    /// When the upload was created, in whole seconds, if the store knows.
    pub created: Option<SystemTime>,
    /// When its bytes were last changed before it was opened, if the store knows.
    pub modified: Option<SystemTime>,
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
/// succeeded. It has *failed* if the store has lost bytes of it that cannot be
/// sent again.
///
/// Stores that keep it as text can use its text form: `pending 2`, `done`,
/// `failed`.
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
    /// Failed permanently: the store has lost bytes of the upload, or cannot
    /// tell. Clients have to create a new upload; only DELETE is allowed.
    Failed,
}

impl fmt::Display for FinishState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending { attempts } => write!(f, "pending {attempts}"),
            Self::Done => f.write_str("done"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

impl FromStr for FinishState {
    type Err = InvalidFinishState;

    fn from_str(text: &str) -> Result<Self, InvalidFinishState> {
        let state = match text {
            "done" => Some(Self::Done),
            "failed" => Some(Self::Failed),
            _ => text
                .strip_prefix("pending ")
                .and_then(|attempts| attempts.parse().ok())
                .map(|attempts| Self::Pending { attempts }),
        };
        state.ok_or(InvalidFinishState(()))
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

/// What makes an upload complete.
///
/// In tus 1.0 an upload is complete when its bytes reach its length. Other
/// protocols let the client declare that it has sent everything.
///
/// ```
/// use tower_tus_layers::protocol::{Completion, Length, Upload};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut upload = Upload::new("a".parse()?);
/// upload.completion = Completion::ByClient { declared: false };
/// upload.length = Some(Length::ZERO);
/// assert!(!upload.is_complete());
/// upload.declare_complete();
/// assert!(upload.is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completion {
    /// The upload is complete when its offset reaches its length.
    #[default]
    ByLength,
    /// The upload is complete when its offset reaches its length and the client
    /// has declared that it has sent everything.
    ByClient {
        /// Whether the client has declared it.
        declared: bool,
    },
}

impl Completion {
    /// Returns whether the client still has to declare the upload complete.
    #[must_use]
    pub const fn is_awaited(self) -> bool {
        matches!(self, Self::ByClient { declared: false })
    }
}

impl Upload {
    /// Creates an upload without bytes, length and metadata.
    #[must_use]
    pub fn new(id: UploadId) -> Self {
        Self {
            id,
            offset: Offset::ZERO,
            length: None,
            completion: Completion::ByLength,
            created: None,
            modified: None,
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

    /// Returns when something last happened to the upload, if the store knows: its
    /// creation, or the last change of its bytes.
    #[must_use]
    pub fn last_activity(&self) -> Option<SystemTime> {
        self.created.max(self.modified)
    }

    /// Returns whether every byte is stored; never while the length is
    /// deferred, while the client still has to
    /// [declare](Completion::ByClient) it, or if the upload has failed.
    // DEF-05
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_whole = self.length.is_some_and(|it| it.remaining(self.offset) == 0);
        is_whole && !self.completion.is_awaited() && !self.is_pending() && !self.is_failed()
    }

    /// Declares that every byte is stored: the length becomes the offset. For
    /// stores that implement
    /// [`Handle::declare_complete`](crate::store::Handle::declare_complete).
    pub fn declare_complete(&mut self) {
        self.length = Some(self.offset.into());
        if let Completion::ByClient { declared } = &mut self.completion {
            *declared = true;
        }
    }

    /// Returns whether it has failed permanently, so that nothing but DELETE is
    /// allowed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.finishing == Some(FinishState::Failed)
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
        self.is_complete() && matches!(self.finishing, None | Some(FinishState::Done))
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
    /// What makes the upload complete.
    pub completion: Completion,
    /// When the upload is created, in whole seconds: now, by default.
    pub created: SystemTime,
    /// The metadata that the client sent.
    pub metadata: Metadata,
    /// Where the store will keep the bytes, for stores with a choice: the path of a file,
    /// or the [key](NewObject::key) of an object.
    pub storage_path: Option<String>,
    /// The object that a store will make of it, for stores with objects.
    pub object: NewObject,
    /// The finish state to record from the start.
    pub finishing: Option<FinishState>,
    /// The relation to other uploads, if any.
    pub concat: Option<Concat>,
    /// The random id that was drawn for it.
    drawn: UploadId,
}

impl NewUpload {
    /// Creates an upload of this length with a random id.
    #[must_use]
    pub fn new(length: Option<Length>, metadata: Metadata) -> Self {
        let id = UploadId::random();
        Self {
            drawn: id.clone(),
            id,
            length,
            completion: Completion::ByLength,
            created: whole_seconds(SystemTime::now()),
            metadata,
            storage_path: None,
            object: NewObject::default(),
            finishing: None,
            concat: None,
        }
    }

    /// Returns whether the last segment of the id is still the random one that
    /// [`new`](Self::new) has drawn. Nothing that exists can have such an id,
    /// and nobody can guess it.
    ///
    /// ```
    /// use tower_tus_layers::protocol::{Metadata, NewUpload};
    ///
    /// let mut new = NewUpload::new(None, Metadata::EMPTY);
    /// new.id = format!("alice/{}", new.id).parse()?;
    /// assert!(new.is_fresh());
    /// new.id = "alice/report".parse()?;
    /// assert!(!new.is_fresh());
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let above = self.id.as_str().strip_suffix(self.drawn.as_str());
        above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
    }
}

/// Stores keep times in whole seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = Duration::from_secs(since.unwrap_or_default().as_secs());
    SystemTime::UNIX_EPOCH + seconds
}

/// The state of a newly created upload, without bytes.
impl From<NewUpload> for Upload {
    fn from(new: NewUpload) -> Self {
        Self {
            length: new.length,
            completion: new.completion,
            created: Some(new.created),
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
            FinishState::Failed,
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
            "failed 1",
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
        assert_eq!(upload.completion, Completion::ByLength);
        assert_eq!(upload.created, Some(new.created));
        assert_eq!(upload.path(), None);
    }

    #[test]
    fn a_new_upload_is_created_now_in_whole_seconds() {
        let before = SystemTime::now();
        let created = NewUpload::new(None, Metadata::EMPTY).created;
        assert_eq!(created, whole_seconds(created));
        assert!(whole_seconds(before) <= created && created <= SystemTime::now());
    }

    #[test]
    fn an_id_that_someone_has_chosen_is_not_fresh() {
        let mut new = NewUpload::new(None, Metadata::EMPTY);
        let drawn = new.id.clone();
        for (id, is_fresh) in [
            (drawn.to_string(), true),
            (format!("a/b/{drawn}"), true),
            (format!("a-{drawn}"), false),
            (format!("{drawn}/a"), false),
            (UploadId::random().to_string(), false),
        ] {
            new.id = id.parse().unwrap();
            assert_eq!(new.is_fresh(), is_fresh, "{id}");
            assert_eq!(new.clone().is_fresh(), is_fresh, "{id}");
        }
    }

    fn complete(finishing: Option<FinishState>) -> Upload {
        let mut upload = Upload::new("a".parse().unwrap());
        (upload.offset, upload.length) = (Offset::from(5), Some(Length::from(5)));
        upload.finishing = finishing;
        upload
    }

    #[test]
    fn a_failed_upload_is_neither_complete_nor_finished() {
        for (finishing, finished) in [
            (None, true),
            (Some(FinishState::Done), true),
            (Some(FinishState::Pending { attempts: 0 }), false),
        ] {
            let upload = complete(finishing);
            assert!(upload.is_complete() && !upload.is_failed());
            assert_eq!(upload.is_finished(), finished);
        }
        let upload = complete(Some(FinishState::Failed));
        assert!(upload.is_failed() && !upload.is_complete() && !upload.is_finished());
    }

    #[test]
    fn an_upload_that_the_client_completes_waits_for_its_declaration() {
        let mut upload = complete(None);
        upload.completion = Completion::ByClient { declared: false };
        for length in [None, Some(Length::from(5)), Some(Length::from(9))] {
            upload.length = length;
            assert!(!upload.is_complete());
        }
        upload.declare_complete();
        assert_eq!(upload.length, Some(Length::from(5)));
        assert!(upload.is_finished());
        upload.offset = Offset::from(4);
        assert!(!upload.is_complete(), "without its last byte");
    }
}
