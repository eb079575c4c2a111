//! A directory that has to stay what it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::DirectoryGone;
use super::sys::{self, Identity};

/// The directory of uploads, which is known from when it was first used.
///
/// A mount that is lost leaves an empty directory, and whoever makes the
/// directory anew makes it on another disk: what is written there is not where
/// anyone looks for it once the mount is back. So the path alone says nothing,
/// and the directory is known by its device and inode.
///
/// They are compared before each use. That is one `stat` of a directory whose
/// entry the kernel has at hand, in a step that makes several such calls anyway.
/// A descriptor that is kept open would need none, and would keep the disk from
/// being unmounted for as long as the server runs.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    known: OnceLock<Identity>,
    lost: AtomicBool,
}

impl Home {
    /// A directory that may be still to be made.
    ///
    /// A relative path is taken from the current directory of this moment.
    pub(crate) fn new(dir: PathBuf) -> Self {
        // It fails only where nothing that is done with the path can succeed.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self {
            dir,
            known: OnceLock::new(),
            lost: AtomicBool::new(false),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the directory was there before: then it is never made again.
    pub(crate) fn is_known(&self) -> bool {
        self.known.get().is_some()
    }

    /// Remembers the directory as it is now, unless it was remembered before.
    pub(crate) fn remember(&self) -> io::Result<()> {
        if !self.is_known() {
            let found = sys::identity(&self.dir)?;
            self.known.get_or_init(|| found);
        }
        Ok(())
    }

    /// Fails while the directory is not the one that is known.
    ///
    /// The log tells so once, and once more when it is back.
    pub(crate) fn check(&self) -> Result<(), DirectoryGone> {
        let Some(known) = self.known.get() else {
            return Ok(());
        };
        match sys::identity(&self.dir) {
            Ok(found) if found == *known => {
                self.found();
                Ok(())
            }
            Ok(_) => Err(self.lose("another directory is there")),
            Err(error) => Err(self.lose(&error.to_string())),
        }
    }

    fn found(&self) {
        // Only read in the usual case: the flag is shared by all requests.
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

    #[cfg(unix)]
    #[test]
    fn another_directory_of_the_same_name_is_not_the_one_that_was_there() {
        let (dir, home) = home();
        home.remember().unwrap();
        let aside = dir.path().join("aside");
        fs::rename(home.dir(), &aside).unwrap();
        assert!(home.check().is_err(), "nothing is there");
        fs::create_dir(home.dir()).unwrap();
        assert!(home.check().is_err(), "an empty one is there");
        // What is known stays known.
        home.remember().unwrap();
        assert!(home.check().is_err());
        fs::remove_dir(home.dir()).unwrap();
        fs::rename(&aside, home.dir()).unwrap();
        home.check().unwrap();
    }
}
