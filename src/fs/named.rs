//! Errors that name their path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::is_missing;

/// Adds the path to the error of a result.
pub(crate) fn named<T, E: Into<io::Error>>(path: &Path, result: Result<T, E>) -> io::Result<T> {
    result.map_err(|error| {
        let (path, error) = (path.into(), error.into());
        io::Error::new(error.kind(), Named { path, error })
    })
}

/// Does the same, but an error that means that nothing is there becomes `None`.
pub(crate) fn named_if_there<T>(path: &Path, result: Result<T, Errno>) -> io::Result<Option<T>> {
    match result.map_err(io::Error::from) {
        Err(error) if is_missing(&error) => Ok(None),
        result => named(path, result).map(Some),
    }
}

/// An error together with the path that caused it.
#[derive(Debug)]
pub(crate) struct Named {
    path: PathBuf,
    error: io::Error,
}

impl Named {
    pub(crate) const fn error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Named {}
