//! Locks that tusd sees: a lock is a hard link of a file with our process id.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file that all locks of this process are links of.
#[derive(Debug)]
pub(super) struct Locks {
    file: PathBuf,
    inode: u64,
}

impl Locks {
    pub(super) fn new(dir: &Path, name: &str) -> io::Result<Self> {
        let file = dir.join(format!(".{name}.lock"));
        fs::write(&file, std::process::id().to_string())?;
        let inode = fs::metadata(&file)?.ino();
        Ok(Self { file, inode })
    }

    /// Takes a lock, unless it is held. Whether its holder lives is not asked.
    pub(super) fn take(&self, path: PathBuf) -> io::Result<Option<Held>> {
        match fs::hard_link(&self.file, &path) {
            Ok(()) => Ok(Some(Held {
                path,
                inode: self.inode,
            })),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A held lock, released on drop.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    inode: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Another process may have taken it away.
        let is_ours = fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_another_process_took_away_is_not_released() {
        let dir = tempfile::tempdir().unwrap();
        let locks = Locks::new(dir.path(), "us").unwrap();
        let path = dir.path().join("a.lock");
        let held = locks.take(path.clone()).unwrap().unwrap();
        assert!(locks.take(path.clone()).unwrap().is_none());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "1").unwrap();
        drop(held);
        assert_eq!(fs::read(&path).unwrap(), b"1");

        fs::remove_file(&path).unwrap();
        drop(locks.take(path.clone()).unwrap());
        assert!(!path.exists());
    }
}
