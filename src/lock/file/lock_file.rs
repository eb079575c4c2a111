//! The files of a lock: the blocking half.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_tus_layers::protocol::UploadId;

use super::owner;
use crate::fs::error::{is_full, is_read_only};
use crate::fs::sys;

/// The paths of the files of one lock.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) lock: PathBuf,
    /// Exists while another process waits.
    stop: PathBuf,
    /// The lock file before it is renamed to its final name.
    draft: PathBuf,
    /// The bytes of the upload, unless they are elsewhere.
    pub(super) data: PathBuf,
    /// The mode of all files that are created.
    mode: u32,
}

impl Places {
    pub(super) fn new(dir: &Path, id: &UploadId, mode: u32) -> Self {
        let lock = dir.join(format!("{id}.lock"));
        Self {
            // A short name: ids of the maximum length must be lockable too.
            draft: lock.with_file_name(format!(".{}.lock", UploadId::random())),
            stop: dir.join(format!("{id}.stop")),
            data: dir.join(id.as_str()),
            lock,
            mode,
        }
    }

    /// Asks the holder to release the lock.
    pub(super) fn ask(&self) -> io::Result<()> {
        match sys::File::create_new_with(&self.stop, self.mode) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // The holder may end by itself.
            Err(error) if is_full(&error) || is_read_only(&error) => Ok(()),
            asked => asked.map(drop),
        }
    }

    /// Whether a living process has the lock file. Changes nothing.
    pub(super) fn is_held(&self) -> io::Result<bool> {
        Ok(match sys::File::open_to_lock(&self.lock)? {
            Some(file) => !owner::is_stale(&file)? || file.try_lock().is_none(),
            None => false,
        })
    }

    /// Removes a stale lock file, and returns whether the name is free for a
    /// new lock.
    ///
    /// If two processes find the same stale file, the slower one must not
    /// remove the lock that the faster one has just created under the same
    /// name. Therefore a holder keeps its file under `flock` from before it
    /// gets the name until after it has lost it, and nobody removes the name of
    /// a file without holding its `flock`. A process that holds the `flock`,
    /// and then finds the file still under its name, knows two things: no
    /// holder lives, and the name stays with this file until this process
    /// removes it.
    fn is_free(&self) -> io::Result<bool> {
        let Some(file) = sys::File::open_to_lock(&self.lock)? else {
            return Ok(true);
        };
        if !owner::is_stale(&file)? {
            return Ok(false);
        }
        match file.try_lock() {
            Some(file) if file.is_at(&self.lock)? => sys::remove(&self.lock).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Creates the lock file, unless another one exists.
    fn publish(&self) -> io::Result<Option<sys::Locked>> {
        let draft = sys::File::create_new_with(&self.draft, self.mode)?;
        let Some(file) = draft.try_lock() else {
            // Nobody else knows its name.
            return Ok(None);
        };
        let published = owner::sign(&file).and_then(|()| sys::publish(&self.draft, &self.lock));
        let Err(error) = published else {
            return Ok(Some(file));
        };
        // A network file system may fail with what it has done.
        let taken = file.is_at(&self.lock).unwrap_or(false);
        sys::remove(&self.draft)?;
        match error.kind() {
            _ if taken => Ok(Some(file)),
            ErrorKind::AlreadyExists => Ok(None),
            _ => Err(error),
        }
    }
}

/// A lock file that this process has created and keeps open.
#[derive(Debug)]
pub(super) struct LockFile {
    file: sys::Locked,
    places: Arc<Places>,
}

impl LockFile {
    /// Takes the lock, or asks its holder to release it.
    pub(super) fn take(places: &Arc<Places>) -> io::Result<Option<Self>> {
        let file = if places.is_free()? {
            places.publish()?
        } else {
            None
        };
        let Some(file) = file else {
            places.ask()?;
            return Ok(None);
        };
        let taken = Self {
            file,
            places: places.clone(),
        };
        // The request was for an earlier holder; current waiters repeat theirs.
        let cleared = sys::remove(&places.stop);
        cleared
            .inspect_err(|_| taken.release())
            .map(|()| Some(taken))
    }

    /// Whether the holder should release the lock: another process waits, or
    /// has taken the lock because it considered this process dead.
    pub(super) fn is_wanted(&self) -> io::Result<bool> {
        Ok(sys::exists(&self.places.stop)? || !self.file.is_at(&self.places.lock)?)
    }

    /// Removes the files, unless the lock belongs to another process by now.
    pub(super) fn release(&self) {
        let released = self.file.is_at(&self.places.lock).and_then(|ours| {
            if !ours {
                return Ok(());
            }
            // In this order: later, the stop file may be meant for the next
            // holder.
            let stop = sys::remove(&self.places.stop);
            sys::remove(&self.places.lock).and(stop)
        });
        if let Err(error) = released {
            tracing::warn!(%error, "a lock could not be released");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::error::is_missing;

    #[test]
    fn a_name_that_the_file_system_does_not_take_is_missing_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut places = Places::new(dir.path(), &"a".parse().unwrap(), 0o664);
        places.lock = dir.path().join("a".repeat(1000));
        let error = LockFile::take(&Arc::new(places)).unwrap_err();
        assert!(is_missing(&error), "{error}");
        assert!(dir.path().read_dir().unwrap().next().is_none());
    }
}
