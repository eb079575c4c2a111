use std::fmt;
use std::sync::Arc;

use tower_tus_layers::protocol::{BoxError, Error};

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum ObjectError {
    /// The object, or the multipart upload, does not exist.
    NotFound,
    /// The object was not in the state that the call asked for. This is no proof that
    /// the call was not done: after a lost answer, the second attempt of a client is
    /// refused because the first one was done.
    Refused,
    /// The store is overloaded, and has done nothing.
    Busy(BoxError),
    /// The store is full.
    Full(BoxError),
    /// The store will refuse this call each time.
    Invalid(BoxError),
    /// Nobody can tell whether the call was done, or is going to be.
    Unknown(BoxError),
}

impl ObjectError {
    /// Returns whether the call may have been done, or may still be.
    pub(crate) const fn may_be_done(&self) -> bool {
        matches!(self, Self::Refused | Self::Unknown(_))
    }
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::NotFound => Self::NotFound,
            ObjectError::Busy(_) => Self::Busy(Arc::new(error)),
            ObjectError::Full(_) => Self::InsufficientStorage(Arc::new(error)),
            ObjectError::Unknown(_) => Self::StorageUnavailable(Arc::new(error)),
            ObjectError::Refused | ObjectError::Invalid(_) => Self::internal(error),
        }
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the object does not exist",
            Self::Refused => "the object is in another state",
            Self::Busy(_) => "the object store is busy",
            Self::Full(_) => "the object store is full",
            Self::Invalid(_) => "the object store refuses the request",
            Self::Unknown(_) => "the object store did not answer",
        })
    }
}

impl std::error::Error for ObjectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Busy(source)
            | Self::Full(source)
            | Self::Invalid(source)
            | Self::Unknown(source) => Some(&**source),
            Self::NotFound | Self::Refused => None,
        }
    }
}
