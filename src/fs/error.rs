//! Maps file system errors to errors of uploads.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;
use tower_tus_layers::protocol::Error;

use super::named::Named;

/// Maps an error on the files of an existing upload.
pub(crate) fn of_upload(error: io::Error) -> Error {
    if is_missing(&error) {
        return Error::NotFound;
    }
    of_store(error)
}

/// Maps an error while the files of an upload are created.
pub(crate) fn of_new_upload(error: io::Error) -> Error {
    use ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, ResourceBusy};
    match error.kind() {
        AlreadyExists | IsADirectory | NotADirectory | ResourceBusy => Error::UploadExists,
        _ => of_store(error),
    }
}

/// Maps an error of the store as a whole.
pub(crate) fn of_store(error: io::Error) -> Error {
    if is_directory_gone(&error) || is_read_only(&error) || is_stale(&error) {
        return Error::StorageUnavailable(Arc::new(error));
    }
    if is_full(&error) {
        return Error::InsufficientStorage(Arc::new(error));
    }
    if error.kind() == ErrorKind::ResourceBusy || lacks_descriptors(&error) {
        return Error::Busy(Arc::new(error));
    }
    Error::internal(error)
}

/// A required directory is missing or was replaced by another one. Files that
/// are missing from it may come back with it.
#[derive(Debug)]
pub(crate) struct DirectoryGone(pub(crate) PathBuf);

impl fmt::Display for DirectoryGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the directory is gone", self.0.display())
    }
}

impl StdError for DirectoryGone {}

impl From<DirectoryGone> for io::Error {
    fn from(lost: DirectoryGone) -> Self {
        Self::other(lost)
    }
}

/// Whether a required directory is missing; this is logged where it is found.
pub(crate) fn is_directory_gone(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(|inner| inner.is::<DirectoryGone>())
}

/// Whether the file system is mounted read-only, as the kernel does itself after
/// some failures of a disk.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ReadOnlyFilesystem
}

/// Whether a network file system no longer knows a file that was found before.
fn is_stale(error: &io::Error) -> bool {
    error.kind() == ErrorKind::StaleNetworkFileHandle
}

/// Whether the disk, the quota or the maximum file size is exhausted.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// Whether the process or the system has reached its limit of open files.
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Returns the operating system's error code, also from below a path.
pub(crate) fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error).or_else(|| {
        let named = error.get_ref()?.downcast_ref::<Named>()?;
        errno(named.error())
    })
}

/// Whether the error means that there is no file at the path.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    use ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound};
    matches!(
        error.kind(),
        NotFound | NotADirectory | IsADirectory | InvalidFilename
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::named::named;

    #[test]
    fn a_full_disk_and_a_spent_quota_are_told_from_a_broken_one() {
        let code = |kind: ErrorKind| of_upload(kind.into()).code();
        assert_eq!(code(ErrorKind::StorageFull), "ERR_INSUFFICIENT_STORAGE");
        assert_eq!(code(ErrorKind::QuotaExceeded), "ERR_INSUFFICIENT_STORAGE");
        assert_eq!(code(ErrorKind::FileTooLarge), "ERR_INSUFFICIENT_STORAGE");
        assert_eq!(
            code(ErrorKind::PermissionDenied),
            "ERR_INTERNAL_SERVER_ERROR"
        );
    }

    #[test]
    fn what_may_be_writable_or_known_again_is_unavailable() {
        let path = std::path::Path::new("a");
        for code in [Errno::ROFS, Errno::STALE] {
            for error in [of_upload, of_new_upload, of_store] {
                let error = error(named::<(), _>(path, Err(code)).unwrap_err());
                assert_eq!(error.code(), "ERR_STORAGE_UNAVAILABLE");
            }
        }
    }

    #[test]
    fn without_descriptors_the_store_is_busy_and_not_broken() {
        let path = std::path::Path::new("a");
        for code in [Errno::MFILE, Errno::NFILE] {
            let error = || io::Error::from(code);
            assert!(matches!(of_store(error()), Error::Busy(_)));
            let named = || named::<(), _>(path, Err(error())).unwrap_err();
            assert!(matches!(of_upload(named()), Error::Busy(_)));
            assert!(matches!(of_new_upload(named()), Error::Busy(_)));
        }
    }

    #[test]
    fn a_directory_that_was_lost_is_told_from_a_file_that_is_not_there() {
        for error in [of_upload, of_new_upload, of_store] {
            let error = error(DirectoryGone("/mnt".into()).into());
            assert_eq!(error.code(), "ERR_STORAGE_UNAVAILABLE");
        }
    }

    #[test]
    fn what_is_in_the_way_of_a_file_is_not_found_and_taken() {
        for kind in [ErrorKind::NotADirectory, ErrorKind::IsADirectory] {
            assert!(matches!(of_upload(kind.into()), Error::NotFound));
            assert!(matches!(of_new_upload(kind.into()), Error::UploadExists));
        }
    }

    #[test]
    fn what_another_request_works_on_is_busy_and_its_id_taken() {
        let busy = || io::Error::from(ErrorKind::ResourceBusy);
        assert!(matches!(of_upload(busy()), Error::Busy(_)));
        assert!(matches!(of_new_upload(busy()), Error::UploadExists));
    }
}
