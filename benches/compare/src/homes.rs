//! The directories of the runs, which are kept until the end.
//!
//! ext4 gives the inode of a removed file to no new one for some minutes, but looks
//! at each of them whenever it makes a file. After a hundred thousand removals,
//! making a file takes six times as long: a run would pay for the one before it. So
//! files are removed at the end, and each directory begins in a place of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfs;
use tempfile::{Builder, TempDir};

use crate::Result;

/// Files of this size are removed at once: they are few, and fill the disk.
const LARGE: u64 = 1 << 20;

/// Free space from which on nothing is kept, unless a tenth of the disk is less.
const RESERVE: u64 = 8 << 30;

/// A directory with one for each run. All are removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Homes(TempDir);

impl Homes {
    pub(crate) fn within(dir: &Path) -> Result<Self> {
        let all = Builder::new()
            .prefix("compare-")
            .tempdir_in(fs::canonicalize(dir)?)?;
        // Other file systems have no such flag, and need none.
        let _ = spread(all.path());
        Ok(Self(all))
    }

    /// Makes an empty directory.
    pub(crate) fn make(&self) -> Result<PathBuf> {
        Ok(Builder::new().tempdir_in(self.0.path())?.keep())
    }
}

/// Ends the use of a directory.
pub(crate) fn leave(home: &Path) -> Result<()> {
    remove_large(home)?;
    if is_almost_full(&rustix::fs::statvfs(home)?) {
        eprintln!("the disk is almost full: the next runs make files more slowly");
        fs::remove_dir_all(home)?;
    }
    Ok(())
}

fn is_almost_full(disk: &StatVfs) -> bool {
    let space = disk.f_bavail * disk.f_frsize;
    // Some file systems have no limit of files, and say 0.
    let files_left = disk.f_favail > disk.f_files / 10 || disk.f_files == 0;
    space < RESERVE.min(disk.f_blocks * disk.f_frsize / 10) || !files_left
}

/// Lets ext4 put the directories in `dir` far from each other, as if each were the
/// home of a user.
fn spread(dir: &Path) -> io::Result<()> {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let dir = File::open(dir)?;
    let flags = ioctl_getflags(&dir)?;
    Ok(ioctl_setflags(&dir, flags | IFlags::TOPDIR)?)
}

fn remove_large(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            remove_large(&entry.path())?;
        } else if kind.is_file() && entry.metadata()?.len() >= LARGE {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_not_almost_full_while_a_tenth_of_it_is_free() {
        let mut disk = rustix::fs::statvfs("/").unwrap();
        (disk.f_frsize, disk.f_blocks, disk.f_files) = (4096, 1 << 20, 1000);
        let mut is_full = |blocks, files| {
            (disk.f_bavail, disk.f_favail) = (blocks, files);
            is_almost_full(&disk)
        };
        assert!(!is_full(1 << 18, 500));
        assert!(is_full(1 << 16, 500));
        assert!(is_full(1 << 18, 50), "no files can be made");
        disk.f_files = 0;
        disk.f_favail = 0;
        assert!(!is_almost_full(&disk));
        disk.f_blocks = 1 << 40;
        assert!(is_almost_full(&disk), "8 GiB are needed on a large one");
    }

    #[test]
    fn small_files_stay_until_the_end_and_large_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let homes = Homes::within(dir.path()).unwrap();
        let home = homes.make().unwrap();
        fs::create_dir(home.join("data")).unwrap();
        fs::write(home.join("data/small"), "x").unwrap();
        let large = File::create(home.join("data/large")).unwrap();
        large.set_len(LARGE).unwrap();
        leave(&home).unwrap();
        assert!(!home.join("data/large").exists());
        // Unless the disk of the tests is almost full.
        assert_eq!(home.join("data/small").exists(), home.exists());
        drop(homes);
        assert!(dir.path().read_dir().unwrap().next().is_none());
    }
}
