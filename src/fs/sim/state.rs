//! A disk in the course of its life.

use std::collections::HashMap;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use super::content::Content;
use super::image::{Image, Inode, What};
use super::rule::{Call, Kind, Rule, Verdict};
use crate::fs::kernel::{Kind as FileKind, Stat};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) image: Image,
    /// Files opened in an earlier life of the disk are of no use any more.
    pub(super) life: u64,
    pub(super) opened: u64,
    /// Who holds the kernel's lock of a file.
    pub(super) locks: HashMap<Inode, u64>,
    pub(super) rule: Rule,
    /// Where syncs lie.
    pub(super) lies_at: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) changes: usize,
    pub(super) stopped: bool,
    /// The free space that it reports, in bytes.
    pub(super) free: u64,
}

impl State {
    pub(super) fn open(&mut self, path: &Arc<Path>, flags: OFlags) -> Result<Inode> {
        let found = match path.as_os_str().is_empty() {
            true => None,
            false => Some(self.image.find(path)?),
        };
        let inode = match &found {
            Some(found) => found.inode,
            None => Some(self.image.at(path)?),
        };
        let creates = flags.contains(OFlags::CREATE);
        let Some(inode) = inode else {
            let found = found.filter(|_| creates).ok_or(Errno::NOENT)?;
            return Ok(self.image.create(&found, What::File(Content::default())));
        };
        let is_dir = self.image.node(inode).is_dir();
        match () {
            () if creates && flags.contains(OFlags::EXCL) => Err(Errno::EXIST),
            () if is_dir && flags.intersects(OFlags::WRONLY | OFlags::RDWR) => Err(Errno::ISDIR),
            () if !is_dir && flags.contains(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
            () => Ok(inode),
        }
    }

    pub(super) fn stat(&self, disk: u64, inode: Inode) -> Stat {
        let node = self.image.node(inode);
        let (kind, len) = match &node.what {
            What::Dir => (FileKind::Dir, 0),
            What::File(content) => (FileKind::File, content.len()),
        };
        Stat {
            kind,
            len: len as u64,
            device_and_inode: (disk, inode),
            modified: node.modified,
            created: Some(node.created),
        }
    }

    /// Returns the content of a file, or `None` for a directory.
    pub(super) fn file(&mut self, inode: Inode) -> Option<&mut Content> {
        self.image.content(inode).ok()
    }

    pub(super) fn len(&mut self, inode: Inode) -> usize {
        self.file(inode).map_or(0, |content| content.len())
    }

    /// Makes one call, as the rule has it.
    pub(super) fn call<T>(
        &mut self,
        kind: Kind,
        path: &Arc<Path>,
        place: Option<&'static Location<'static>>,
        make: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.stopped {
            return Err(Errno::IO);
        }
        let change = kind.is_change().then_some(self.changes + 1);
        self.changes = change.unwrap_or(self.changes);
        let call = Call {
            number: self.calls.len() + 1,
            change,
            kind,
            path: Arc::clone(path),
            place,
        };
        let verdict = match self.rule.decide(&call) {
            Verdict::Pass if self.lies_at.is_some() && call.site() == self.lies_at => Verdict::Lie,
            verdict => verdict,
        };
        self.calls.push(call);
        match verdict {
            Verdict::Pass => make(self),
            Verdict::Fail(errno) => Err(errno),
            Verdict::PassThenFail(errno) => make(self).and(Err(errno)),
            Verdict::Lie => {
                let before = self.image.clone();
                let made = make(self);
                self.image = before;
                made
            }
            Verdict::Stop => {
                self.stopped = true;
                Err(Errno::IO)
            }
        }
    }
}
