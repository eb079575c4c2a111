//! A directory that must not be replaced while the server runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tower_tus_layers::protocol::Error;

use super::error::{DirectoryGone, is_directory_gone, is_read_only, of_store};
use super::sys::{self, Identity};

/// The upload directory, identified by its device and inode since its first
/// use.
///
/// A lost mount leaves an empty directory, and a directory that is created
/// again is on another disk: files written there disappear once the mount is
/// back. The path alone cannot detect this.
///
/// The identity is compared before each use. That is one `stat` of a directory
/// whose entry the kernel has cached, in a step that makes several such calls
/// anyway. An open descriptor would save the call, but would prevent unmounting
/// the disk for as long as the server runs.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    known: OnceLock<Identity>,
    lost: AtomicBool,
    read_only: AtomicBool,
}

impl Home {
    /// Takes a directory that may not exist yet.
    ///
    /// A relative path is resolved now, against the current directory.
    pub(crate) fn new(dir: PathBuf) -> Self {
        // This fails only where every later use of the path fails as well.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self {
            dir,
            known: OnceLock::new(),
            lost: AtomicBool::new(false),
            read_only: AtomicBool::new(false),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the directory has been identified. If so, it is never created
    /// again.
    pub(crate) fn is_known(&self) -> bool {
        self.known.get().is_some()
    }

    /// Records the identity of the directory, unless it has been recorded
    /// before.
    pub(crate) fn remember(&self) -> io::Result<()> {
        if !self.is_known() {
            let found = sys::identity(&self.dir)?;
            self.known.get_or_init(|| found);
        }
        Ok(())
    }

    /// Runs a blocking step in the directory.
    ///
    /// Logs why the storage is unavailable: once while the directory is gone or
    /// read-only, otherwise each time.
    pub(crate) fn step<T>(&self, step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let check = || self.check().map_err(|gone| of_store(gone.into()));
        check()?;
        step().or_else(|error| {
            // What failed may have failed because the directory went away meanwhile.
            check()?;
            self.explain(&error);
            Err(error)
        })
    }

    /// Fails while the path does not lead to the recorded directory.
    ///
    /// Logs once when the directory is gone, and once when it is back.
    fn check(&self) -> Result<(), DirectoryGone> {
        if self.read_only.load(Ordering::Relaxed) {
            self.try_to_write_again();
        }
        let Some(known) = self.known.get() else {
            return Ok(());
        };
        match sys::identity(&self.dir) {
            Ok(found) if found == *known => {
                self.found();
                Ok(())
            }
            Ok(_) => Err(self.lose("the path leads to another directory")),
            Err(error) => Err(self.lose(&error.to_string())),
        }
    }

    /// Logs why a step failed, if that is not logged elsewhere.
    fn explain(&self, error: &Error) {
        let Error::StorageUnavailable(source) = error else {
            return;
        };
        match source.downcast_ref::<io::Error>() {
            Some(error) if is_directory_gone(error) => {}
            Some(error) if is_read_only(error) && self.is_read_only() => self.warn_of_read_only(),
            _ => tracing::warn!(error = %source, "StorageUnavailable"),
        }
    }

    fn is_read_only(&self) -> bool {
        sys::try_to_write(&self.dir).is_err_and(|error| is_read_only(&error))
    }

    /// Logs once that nothing can be written.
    pub(crate) fn warn_of_read_only(&self) {
        if !self.read_only.swap(true, Ordering::Relaxed) {
            let dir = self.dir.display();
            tracing::warn!(
                %dir,
                "the upload directory is read-only, requests that change uploads get 503"
            );
        }
    }

    fn try_to_write_again(&self) {
        if !self.is_read_only() && self.read_only.swap(false, Ordering::Relaxed) {
            let dir = self.dir.display();
            tracing::warn!(%dir, "the upload directory is writable again");
        }
    }

    fn found(&self) {
        // All requests share the flag, so the common case only reads it.
        if self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::Relaxed) {
            let dir = self.dir.display();
            tracing::warn!(%dir, "the upload directory is back");
        }
    }

    fn lose(&self, reason: &str) -> DirectoryGone {
        if !self.lost.swap(true, Ordering::Relaxed) {
            let dir = self.dir.display();
            tracing::error!(
                %dir,
                reason,
                "the upload directory is gone, all requests get 503 until it is back"
            );
        }
        DirectoryGone(self.dir.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("up")).unwrap();
        let home = Home::new(dir.path().join("up"));
        (dir, home)
    }

    #[test]
    fn a_directory_is_whatever_is_there_until_it_is_known() {
        let (dir, home) = home();
        fs::rename(home.dir(), dir.path().join("old")).unwrap();
        home.check().unwrap();
        assert!(home.remember().is_err() && !home.is_known());
    }

    #[test]
    fn another_directory_of_the_same_name_is_not_the_one_that_was_there() {
        let (dir, home) = home();
        home.remember().unwrap();
        let aside = dir.path().join("aside");
        fs::rename(home.dir(), &aside).unwrap();
        assert!(home.check().is_err(), "nothing is there");
        fs::create_dir(home.dir()).unwrap();
        assert!(home.check().is_err(), "an empty one is there");
        // A recorded identity is never replaced.
        home.remember().unwrap();
        assert!(home.check().is_err());
        fs::remove_dir(home.dir()).unwrap();
        fs::rename(&aside, home.dir()).unwrap();
        home.check().unwrap();
    }
}
