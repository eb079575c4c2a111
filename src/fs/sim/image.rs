//! What a disk holds.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::io::{Errno, Result};

use super::content::Content;
use super::names::{Change, Namespace};
use crate::fs::sys;

pub(super) type Inode = u64;

const ROOT: Inode = 1;
const LONGEST_NAME: usize = 255;

/// What a disk holds, durable or not.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(super) names: Namespace,
    pub(super) inodes: BTreeMap<Inode, Node>,
    /// The number of writes so far.
    pub(super) writes: u64,
}

/// A file or a directory.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) created: SystemTime,
    pub(super) modified: SystemTime,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Dir,
    File(Content),
}

impl Default for Image {
    fn default() -> Self {
        Self {
            names: Namespace::default(),
            inodes: [(ROOT, Node::new(What::Dir))].into(),
            writes: 0,
        }
    }
}

impl Node {
    fn new(what: What) -> Self {
        let now = SystemTime::now();
        Self {
            what,
            created: now,
            modified: now,
        }
    }

    pub(super) const fn is_dir(&self) -> bool {
        matches!(self.what, What::Dir)
    }
}

/// A name, and what it leads to.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The directories on the way to it.
    above: Vec<Inode>,
    dir: Inode,
    name: &'a OsStr,
    pub(super) inode: Option<Inode>,
}

impl Image {
    pub(super) fn node(&self, inode: Inode) -> &Node {
        &self.inodes[&inode]
    }

    pub(super) fn content(&mut self, inode: Inode) -> Result<&mut Content> {
        match &mut self.inodes.get_mut(&inode).expect("inodes stay").what {
            What::File(content) => Ok(content),
            What::Dir => Err(Errno::ISDIR),
        }
    }

    /// Returns the file at a path.
    pub(super) fn at(&self, path: &Path) -> Result<Inode> {
        match path.as_os_str().is_empty() {
            true => Ok(ROOT),
            false => self.find(path)?.inode.ok_or(Errno::NOENT),
        }
    }

    /// Returns the last name of a path, which may lead to nothing.
    pub(super) fn find<'a>(&self, path: &'a Path) -> Result<Found<'a>> {
        let mut names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
        // The root has no name to change.
        let name = names.next_back().filter(|name| !name.is_empty());
        let name = OsStr::from_bytes(name.ok_or(Errno::BUSY)?);
        let mut dir = ROOT;
        let mut above = vec![ROOT];
        for name in names {
            let name = OsStr::from_bytes(name);
            dir = self.names.find(dir, name).ok_or(Errno::NOENT)?;
            if !self.node(dir).is_dir() {
                return Err(Errno::NOTDIR);
            }
            above.push(dir);
        }
        if name.len() > LONGEST_NAME {
            return Err(Errno::NAMETOOLONG);
        }
        let inode = self.names.find(dir, name);
        Ok(Found {
            above,
            dir,
            name,
            inode,
        })
    }

    pub(super) fn create(&mut self, found: &Found<'_>, what: What) -> Inode {
        let inode = self.inodes.last_key_value().map_or(ROOT, |(last, _)| *last) + 1;
        let label = match what {
            What::Dir => "mkdir",
            What::File(_) => "create",
        };
        self.inodes.insert(inode, Node::new(what));
        self.link(found, inode, label);
        inode
    }

    pub(super) fn link(&mut self, found: &Found<'_>, inode: Inode, label: &str) {
        let change = Change::new(format!("{label} {}", found.name.display()));
        self.names
            .change(change.set(found.dir, found.name, Some(inode)));
        self.touch(found.dir);
    }

    pub(super) fn unlink(&mut self, found: &Found<'_>) {
        let change = Change::new(format!("unlink {}", found.name.display()));
        self.names.change(change.set(found.dir, found.name, None));
        self.touch(found.dir);
    }

    pub(super) fn rename(&mut self, from: &Found<'_>, to: &Found<'_>) -> Result<()> {
        let moved = from.inode.ok_or(Errno::NOENT)?;
        if to.above.contains(&moved) {
            return Err(Errno::INVAL);
        }
        if to.inode.is_some_and(|old| from.above.contains(&old)) {
            return Err(Errno::NOTEMPTY);
        }
        match to.inode {
            // Two names of one file: both stay.
            Some(old) if old == moved => return Ok(()),
            Some(old) => match (self.node(moved).is_dir(), self.node(old).is_dir()) {
                (false, true) => return Err(Errno::ISDIR),
                (true, false) => return Err(Errno::NOTDIR),
                (true, true) if !self.names.is_empty(old) => return Err(Errno::NOTEMPTY),
                _ => {}
            },
            None => {}
        }
        let (old, new) = (from.name.display(), to.name.display());
        let change = Change::new(format!("rename {old} to {new}"))
            .set(from.dir, from.name, None)
            .set(to.dir, to.name, Some(moved));
        self.names.change(change);
        self.touch(from.dir);
        self.touch(to.dir);
        Ok(())
    }

    pub(super) fn write(&mut self, inode: Inode, offset: usize, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.writes += 1;
        let write = self.writes;
        self.content(inode)?.write(offset, bytes, write);
        self.touch(inode);
        Ok(())
    }

    pub(super) fn touch(&mut self, inode: Inode) {
        let node = self.inodes.get_mut(&inode).expect("inodes stay");
        node.modified = SystemTime::now();
    }

    /// Lets all changes lie before the last boot.
    pub(super) fn boot(&mut self) {
        let boot = sys::boot_time().unwrap_or_else(SystemTime::now);
        for node in self.inodes.values_mut() {
            node.modified = node.modified.min(boot - Duration::from_secs(1));
        }
    }

    /// Returns all files with their paths.
    pub(super) fn paths(&self) -> Vec<(PathBuf, Inode)> {
        let mut found = Vec::new();
        let mut dirs = vec![(PathBuf::new(), ROOT)];
        while let Some((path, dir)) = dirs.pop() {
            for (name, inode) in self.names.now().get(&dir).into_iter().flatten() {
                let path = path.join(name);
                match self.node(*inode).is_dir() {
                    true => dirs.push((path, *inode)),
                    false => found.push((path, *inode)),
                }
            }
        }
        found.sort();
        found
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.paths().into_iter().map(|(path, _)| path).collect()
    }
}
