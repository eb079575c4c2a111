use std::fmt;
use std::time::SystemTime;

use crate::protocol::Upload;

/// What an upload is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UploadState {
    /// Bytes are missing.
    Receiving,
    /// It is made of other uploads, some of which are unfinished.
    PendingFinal,
    /// Every byte is there, but it is not confirmed that the upload is finished.
    Complete,
    /// The upload is finished.
    Finished,
    /// The store has lost bytes of it.
    Failed,
    /// It has expired, and is still to be removed.
    Expired,
}

impl UploadState {
    /// Returns the state of an upload, whether it has expired or not.
    pub(super) fn of(upload: &Upload) -> Self {
        match upload {
            _ if upload.is_failed() => Self::Failed,
            _ if upload.is_pending() => Self::PendingFinal,
            _ if upload.is_finished() => Self::Finished,
            _ if upload.is_complete() => Self::Complete,
            _ => Self::Receiving,
        }
    }

    /// Returns its name, such as `receiving`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::PendingFinal => "pending final",
            Self::Complete => "complete",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for UploadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An upload, and what its store does not know about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shown {
    /// The upload.
    pub upload: Upload,
    /// Whether a request holds its lock.
    pub is_held: bool,
    /// When it expires; `None` if never.
    pub expires: Option<SystemTime>,
    /// What it is waiting for.
    pub state: UploadState,
}
