//! Several names of one file.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::io::{Errno, retry_on_intr as retry};

use super::calls;
use super::file::File;
use super::kernel::Stat;
use super::named::{named, named_if_there};

/// Distinguishes a file from all others, for as long as it is open or has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Inode((u64, u64));

impl From<Stat> for Inode {
    fn from(stat: Stat) -> Self {
        Self(stat.device_and_inode)
    }
}

impl File {
    pub(crate) fn inode(&self) -> io::Result<Inode> {
        self.stat().map(Inode::from)
    }
}

/// Returns which file has the name `path`, if any.
pub(crate) fn inode_at(path: &Path) -> io::Result<Option<Inode>> {
    Ok(look_up(path)?.map(Inode::from))
}

/// Returns which file `path` leads to, if any.
pub(crate) fn inode_of(path: &Path) -> io::Result<Option<Inode>> {
    let found = named_if_there(path, retry(|| calls::stat(path)))?;
    Ok(found.map(Inode::from))
}

/// Returns when the file or directory at `path` was last changed, if it exists.
pub(crate) fn modified_at(path: &Path) -> io::Result<Option<SystemTime>> {
    Ok(look_up(path)?.map(|stat| stat.modified))
}

fn look_up(path: &Path) -> io::Result<Option<Stat>> {
    named_if_there(path, retry(|| calls::lstat(path)))
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    Made,
    /// The name is taken.
    Exists,
    /// The file system has no links, no more for this file, or none between
    /// these places.
    Unavailable,
}

/// Gives the file `from` one more name, `to`.
pub(crate) fn link(from: &Path, to: &Path) -> io::Result<Linked> {
    match retry(|| calls::link(from, to)) {
        Ok(()) => Ok(Linked::Made),
        Err(Errno::EXIST) => Ok(Linked::Exists),
        Err(
            Errno::INVAL
            | Errno::MLINK
            | Errno::NOSYS
            | Errno::OPNOTSUPP
            | Errno::PERM
            | Errno::XDEV,
        ) => Ok(Linked::Unavailable),
        Err(error) => named(to, Err(error)),
    }
}

/// Returns the names in the directory `dir` that `is_wanted` accepts. Reads the
/// whole directory.
pub(crate) fn names(dir: &Path, is_wanted: fn(&str) -> bool) -> io::Result<Vec<String>> {
    named(dir, calls::names(dir, is_wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::sim::Disk;

    #[test]
    fn a_link_is_the_same_file_and_takes_no_name_that_exists() {
        let (disk, dir) = (Disk::new(), tempfile::tempdir().unwrap());
        for root in [disk.root(), dir.path()] {
            let at = |name: &str| root.join(name);
            let file = File::create_new(&at("a")).unwrap();
            assert_eq!(link(&at("a"), &at("b")).unwrap(), Linked::Made);
            assert_eq!(link(&at("a"), &at("b")).unwrap(), Linked::Exists);
            assert_eq!(inode_at(&at("b")).unwrap(), Some(file.inode().unwrap()));
            assert_eq!(inode_at(&at("c")).unwrap(), None);
            link(&at("c"), &at("d")).unwrap_err();
            let mut names = names(root, |name| name != "a").unwrap();
            names.sort();
            assert_eq!(names, ["b"]);
        }
    }

    #[test]
    fn a_new_name_changes_the_time_of_its_directory() {
        let (disk, dir) = (Disk::new(), tempfile::tempdir().unwrap());
        for root in [disk.root(), dir.path()] {
            let before = modified_at(root).unwrap().unwrap();
            // Clocks of file systems are coarse.
            while SystemTime::now() < before + std::time::Duration::from_millis(20) {
                std::thread::yield_now();
            }
            File::create_new(&root.join("a")).unwrap();
            assert!(modified_at(root).unwrap().unwrap() > before);
        }
    }
}
