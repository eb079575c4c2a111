//! The file store and its locks.

use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;

use crate::error::StartError;
use crate::flags::{FileFlags, Locks};

/// The store in the upload directory, which is created if it is missing.
pub(super) fn store(flags: &FileFlags) -> Result<FileStore, StartError> {
    let dir = &flags.upload_dir;
    let store = FileStore::new(dir)
        .durability(flags.durability)
        .file_mode(flags.file_perms)
        .dir_mode(flags.dir_perms);
    store.prepare().map_err(|error| {
        let action = if dir.is_dir() { "write to" } else { "make" };
        let (dir, error) = (dir.display().to_string(), error.to_string());
        let reason = error.strip_prefix(&format!("{dir}: ")).unwrap_or(&error);
        StartError::unusable(format!("cannot {action} {dir}"), reason)
    })?;
    Ok(store)
}

/// The locks beside the uploads of `store`, unless they are in memory.
pub(super) fn locker(flags: &FileFlags, store: &FileStore) -> Option<FileLocker> {
    match flags.locks {
        Locks::Memory => None,
        Locks::File => Some(
            FileLocker::beside(store)
                .holder_poll_interval(flags.filelock_holder_poll_interval)
                .acquirer_poll_interval(flags.filelock_acquirer_poll_interval)
                .stale_after(flags.filelock_stale_after),
        ),
    }
}
