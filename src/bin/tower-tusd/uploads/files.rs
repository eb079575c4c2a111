//! The file store and its locks.

use std::io;
use std::sync::Arc;

use tower_tus::layers::lock::Locker;
use tower_tus::lock::FileLocker;
use tower_tus::store::FileStore;

use crate::error::StartError;
use crate::flags::FileFlags;

/// The store in the upload directory, which is created if it is missing.
pub(super) fn store(flags: &FileFlags) -> Result<FileStore, StartError> {
    let (dir, store) = (&flags.upload_dir, unprepared(flags));
    store.prepare().map_err(|error| {
        let action = if dir.is_dir() { "write to" } else { "make" };
        let (dir, error) = (dir.display().to_string(), error.to_string());
        let reason = error.strip_prefix(&format!("{dir}: ")).unwrap_or(&error);
        StartError::unusable(format!("cannot {action} {dir}"), reason)
    })?;
    Ok(store)
}

/// The store in an upload directory that has to exist. Nothing is written there.
pub(super) fn existing_store(flags: &FileFlags) -> Result<FileStore, StartError> {
    let dir = &flags.upload_dir;
    let unreadable = |error: io::Error| {
        let dir = dir.display();
        StartError::unusable(format!("cannot read the upload directory {dir}"), error)
    };
    drop(dir.read_dir().map_err(unreadable)?);
    Ok(unprepared(flags))
}

fn unprepared(flags: &FileFlags) -> FileStore {
    FileStore::new(&flags.upload_dir)
        .durability(flags.durability)
        .file_mode(flags.file_perms)
        .dir_mode(flags.dir_perms)
}

/// Locks beside the uploads, for all processes. The last clone removes a file.
pub(super) fn locker(flags: &FileFlags, store: &FileStore) -> Arc<dyn Locker> {
    let locker = FileLocker::beside(store)
        .holder_poll_interval(flags.filelock_holder_poll_interval)
        .acquirer_poll_interval(flags.filelock_acquirer_poll_interval)
        .stale_after(flags.filelock_stale_after);
    Arc::new(locker)
}
