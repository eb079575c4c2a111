//! The names of files, and the order in which they have changed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::image::Inode;

/// Which file a name in a directory leads to.
pub(super) type Tree = BTreeMap<Inode, BTreeMap<OsString, Inode>>;

/// All names of a disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespace {
    now: Tree,
    durable: Tree,
    /// The changes that are not durable yet.
    log: Vec<Change>,
}

/// A change of one name, or of two at once.
#[derive(Clone, Debug)]
pub(super) struct Change {
    label: String,
    names: Vec<((Inode, OsString), Option<Inode>)>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl Change {
    pub(super) const fn new(label: String) -> Self {
        Self {
            label,
            names: Vec::new(),
        }
    }

    pub(super) fn set(mut self, dir: Inode, name: &OsStr, to: Option<Inode>) -> Self {
        self.names.push(((dir, name.to_owned()), to));
        self
    }

    fn apply(&self, tree: &mut Tree) {
        for ((dir, name), to) in &self.names {
            let dir = tree.entry(*dir).or_default();
            match to {
                Some(inode) => drop(dir.insert(name.clone(), *inode)),
                None => drop(dir.remove(name)),
            }
        }
    }
}

impl Namespace {
    pub(super) const fn now(&self) -> &Tree {
        &self.now
    }

    pub(super) fn find(&self, dir: Inode, name: &OsStr) -> Option<Inode> {
        self.now.get(&dir)?.get(name).copied()
    }

    pub(super) fn is_empty(&self, dir: Inode) -> bool {
        self.now.get(&dir).is_none_or(BTreeMap::is_empty)
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.log.push(change);
    }

    /// Makes everything durable, in all directories: the journal keeps one
    /// order.
    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.log.clear();
    }

    pub(super) fn log(&self) -> &[Change] {
        &self.log
    }

    /// Returns the names after a power cut that keeps `kept` of the changes.
    pub(super) fn after(&self, kept: usize) -> Self {
        let mut durable = self.durable.clone();
        for change in &self.log[..kept] {
            change.apply(&mut durable);
        }
        Self {
            now: durable.clone(),
            durable,
            log: Vec::new(),
        }
    }
}
