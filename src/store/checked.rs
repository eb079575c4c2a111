//! The findings of a check of stored uploads.

use std::fmt;

use tower_tus_layers::protocol::{Error, UploadId};
#[cfg(doc)]
use tower_tus_layers::store::ListRequest;

/// A page of uploads that were checked.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// The number of uploads that were checked.
    pub uploads: u64,
    /// The problems that were found, in the order of the uploads' ids.
    pub findings: Vec<Finding>,
    /// Where the next page begins, for [`ListRequest::after`]. `None` if this is the last
    /// one.
    pub next: Option<UploadId>,
}

/// An upload that has a problem.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The upload.
    pub id: UploadId,
    /// Its problem.
    pub problem: Problem,
}

/// A problem of a stored upload.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// Its `.info` ends in the middle. A crash has cut it short, or somebody is writing
    /// it.
    Torn,
    /// Its `.info` cannot be read, for the reason that the error has as its source.
    Unreadable(Error),
    /// Its `.info` is that of another upload.
    OtherId {
        /// The id in `.info`.
        recorded: String,
    },
    /// The bytes are gone.
    Gone,
    /// Some of the bytes are gone.
    PartGone {
        /// The key of the object in which they were, or the number of the part.
        part: String,
    },
    /// The bytes are gone with their directory, as when a disk is not mounted.
    DirectoryGone,
    /// There are more bytes than the upload's length.
    TooLong {
        /// The number of bytes.
        bytes: u64,
        /// The length of the upload, in bytes.
        length: u64,
    },
    /// Bytes of a finished upload are missing.
    TooShort {
        /// The number of bytes.
        bytes: u64,
        /// The length of the upload, in bytes.
        length: u64,
    },
    /// It has failed: the storage has lost bytes of it.
    Failed,
}

impl Problem {
    /// Returns its name, such as `too-long`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Unreadable(_) => "unreadable",
            Self::OtherId { .. } => "other-id",
            Self::Gone => "gone",
            Self::PartGone { .. } => "part-gone",
            Self::DirectoryGone => "directory-gone",
            Self::TooLong { .. } => "too-long",
            Self::TooShort { .. } => "too-short",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn => f.write_str("its .info ends in the middle"),
            Self::Unreadable(Error::Internal(source)) => write!(f, "{source}"),
            Self::Unreadable(error) => write!(f, "its .info cannot be read: {error}"),
            Self::OtherId { recorded } => write!(f, "its .info is that of {recorded:?}"),
            Self::Gone => f.write_str("its bytes are gone"),
            Self::PartGone { part } => write!(f, "some of its bytes are gone: {part}"),
            Self::DirectoryGone => f.write_str("the directory of its bytes is gone"),
            Self::TooLong { bytes, length } => {
                write!(f, "it has {bytes} bytes, more than its length of {length}")
            }
            Self::TooShort { bytes, length } => {
                write!(f, "it is finished, but has {bytes} of {length} bytes")
            }
            Self::Failed => f.write_str("the storage has lost bytes of it"),
        }
    }
}
