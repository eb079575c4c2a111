//! The files of a lock: the blocking half.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_tus_layers::protocol::UploadId;

use super::owner;
use crate::fs::sys;

/// Where the files of one lock are.
#[derive(Debug)]
pub(super) struct Places {
    lock: PathBuf,
    /// There while somebody waits.
    stop: PathBuf,
    /// The lock file before it has its name.
    draft: PathBuf,
}

impl Places {
    pub(super) fn new(dir: &Path, id: &UploadId) -> Self {
        let lock = dir.join(format!("{id}.lock"));
        // Short, for the id's own length must not keep it from being locked.
        let draft = lock.with_file_name(format!(".{}.lock", UploadId::random()));
        let stop = dir.join(format!("{id}.stop"));
        Self { lock, stop, draft }
    }

    /// Asks the holder to let go.
    fn ask(&self) -> io::Result<()> {
        match sys::File::create_new(&self.stop) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            asked => asked.map(drop),
        }
    }

    /// Whether nothing is in the way of a new lock, after what is stale was removed.
    ///
    /// Of two that find the same stale file the slower one must not remove the
    /// faster one's lock by its name. Hence each holder has its file under
    /// `flock` before the file gets the name and until it has lost it, and
    /// nobody takes the name from a file without having its `flock`. Who has
    /// it, and then finds the file by its name still, can be sure of both: no
    /// holder lives, and the name stays with this file until it is removed here.
    fn is_free(&self) -> io::Result<bool> {
        let Some(file) = sys::File::open_if_there(&self.lock)? else {
            return Ok(true);
        };
        let stale = owner::is_stale(&file)? && file.try_lock() && file.is_at(&self.lock)?;
        if stale {
            sys::remove(&self.lock)?;
        }
        Ok(stale)
    }

    /// Gives a file the name of the lock, unless another one has it.
    fn publish(&self) -> io::Result<Option<sys::File>> {
        let file = sys::File::create_new(&self.draft)?;
        let published = owner::sign(&file).and_then(|()| {
            file.try_lock();
            sys::publish(&self.draft, &self.lock)
        });
        let Err(error) = published else {
            return Ok(Some(file));
        };
        sys::remove(&self.draft)?;
        match error.kind() {
            ErrorKind::AlreadyExists => Ok(None),
            _ => Err(error),
        }
    }
}

/// A lock file that this process has made, and has open.
#[derive(Debug)]
pub(super) struct LockFile {
    file: sys::File,
    places: Arc<Places>,
}

impl LockFile {
    /// Takes the lock, or asks whoever holds it to let go.
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
        // It was meant for an earlier holder. Who waits for this one asks again.
        let cleared = sys::remove(&places.stop);
        cleared
            .inspect_err(|_| taken.release())
            .map(|()| Some(taken))
    }

    /// Whether the holder is to let go: somebody waits, or the lock is lost, as
    /// to one that took this process for dead.
    pub(super) fn is_wanted(&self) -> io::Result<bool> {
        Ok(sys::exists(&self.places.stop)? || !self.file.is_at(&self.places.lock)?)
    }

    /// Removes the files, unless the lock is another's by now.
    pub(super) fn release(&self) {
        let released = self.file.is_at(&self.places.lock).and_then(|ours| {
            if !ours {
                return Ok(());
            }
            // In this order: later on it may be meant for the next holder.
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
        let mut places = Places::new(dir.path(), &"a".parse().unwrap());
        places.lock = dir.path().join("a".repeat(1000));
        let error = LockFile::take(&Arc::new(places)).unwrap_err();
        assert!(is_missing(&error), "{error}");
        assert!(dir.path().read_dir().unwrap().next().is_none());
    }
}
