//! Reads directories of any size, piece by piece.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::retry_on_intr as retry;

use super::calls;
use super::kernel::Kind;
use super::named::{named, named_if_there};

/// An open directory whose entries are read.
#[derive(Debug)]
pub(crate) struct Entries {
    entries: calls::Entries,
    path: PathBuf,
}

/// An entry of a directory.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    dir: &'a Path,
    kind: Option<Kind>,
}

impl Entries {
    /// Opens a directory, if there is one.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let opened = named_if_there(path, retry(|| calls::entries(path)))?;
        Ok(opened.map(|entries| Self {
            entries,
            path: path.into(),
        }))
    }

    /// Passes the next entry to `each`, unless its name is no text. Returns whether
    /// there was one.
    pub(crate) fn next(&mut self, mut each: impl FnMut(Entry<'_>)) -> io::Result<bool> {
        let (entries, dir) = (&mut self.entries, &*self.path);
        let mut each = |name: &str, kind| each(Entry { name, dir, kind });
        named(dir, retry(|| entries.next(&mut each)))
    }
}

impl Entry<'_> {
    /// Returns what the file system tells together with the name.
    pub(crate) const fn known_kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Returns what it is, or `None` if that cannot be told, as when it is gone.
    pub(crate) fn kind(&self) -> Option<Kind> {
        let look = || kind_at(&self.dir.join(self.name)).ok().flatten();
        self.kind.or_else(look)
    }
}

/// Returns what is at `path`, be it a link.
pub(crate) fn kind_at(path: &Path) -> io::Result<Option<Kind>> {
    let found = named_if_there(path, retry(|| calls::lstat(path)))?;
    Ok(found.map(|stat| stat.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::sim::Disk;
    use crate::fs::sys;

    #[test]
    fn entries_have_their_kinds_whether_the_file_system_tells_them_or_not() {
        let (disk, dir) = (Disk::new(), tempfile::tempdir().unwrap());
        for root in [disk.root(), dir.path()] {
            sys::make_dirs(&root.join("d"), sys::DIR_MODE).unwrap();
            sys::File::create_new(&root.join("f")).unwrap();
            let mut entries = Entries::open(root).unwrap().unwrap();
            let mut found = Vec::new();
            let mut each = |entry: Entry<'_>| {
                let told = entry.kind;
                let silent = Entry {
                    kind: None,
                    ..entry
                };
                assert_eq!(silent.kind(), told);
                found.push((silent.name.to_owned(), silent.kind()));
            };
            while entries.next(&mut each).unwrap() {}
            found.sort_by(|one, other| one.0.cmp(&other.0));
            let expected = [("d", Kind::Dir), ("f", Kind::File)];
            assert_eq!(
                found,
                expected.map(|(name, kind)| (name.to_owned(), Some(kind)))
            );
        }
    }

    #[test]
    fn what_is_no_directory_has_no_entries() {
        let (disk, dir) = (Disk::new(), tempfile::tempdir().unwrap());
        for root in [disk.root(), dir.path()] {
            sys::File::create_new(&root.join("f")).unwrap();
            assert!(Entries::open(&root.join("f")).unwrap().is_none());
            assert!(Entries::open(&root.join("gone")).unwrap().is_none());
        }
    }
}
