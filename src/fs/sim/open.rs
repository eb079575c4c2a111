//! Open files of a simulated disk.

use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;
use rustix::io::{Errno, Result, retry_on_intr as retry};

use super::image::Inode;
use super::state::State;
use super::{Kind, Mount};
use crate::fs::kernel::Stat;

/// An open file. It stays usable when it has lost its name.
#[derive(Debug)]
pub(in crate::fs) struct Open {
    mount: Arc<Mount>,
    life: u64,
    number: u64,
    inode: Inode,
    path: Arc<Path>,
    access: OFlags,
    position: AtomicU64,
}

impl Open {
    pub(super) fn new(mount: Arc<Mount>, path: Arc<Path>, flags: OFlags) -> Result<Self> {
        let access = flags & OFlags::RWMODE;
        let kind = match flags.contains(OFlags::CREATE) {
            true => Kind::Create,
            false if access == OFlags::RDONLY => Kind::Open,
            false => Kind::OpenToWrite,
        };
        let mut state = mount.state();
        let inode = state.call(kind, &path, None, |state| state.open(&path, flags))?;
        state.opened += 1;
        let (life, number) = (state.life, state.opened);
        drop(state);
        Ok(Self {
            mount,
            life,
            number,
            inode,
            path,
            access,
            position: 0.into(),
        })
    }

    fn call<T>(
        &self,
        kind: Kind,
        place: Option<&'static Location<'static>>,
        make: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.mount.state();
        match state.life == self.life {
            true => state.call(kind, &self.path, place, make),
            // Whoever had opened it is dead.
            false => Err(Errno::IO),
        }
    }

    fn is_not(&self, access: OFlags, error: Errno) -> Result<()> {
        match self.access == access {
            true => Err(error),
            false => Ok(()),
        }
    }

    fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    pub(super) fn set_position(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    pub(super) fn stat(&self) -> Result<Stat> {
        let disk = self.mount.number;
        self.call(Kind::Stat, None, |state| Ok(state.stat(disk, self.inode)))
    }

    pub(super) fn pread(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let room = bytes.len();
        let read = self.call(Kind::Read, None, |state| {
            self.is_not(OFlags::WRONLY, Errno::BADF)?;
            let content = state.image.content(self.inode)?;
            Ok(content.read(size(offset), room))
        })?;
        bytes[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }

    pub(super) fn read(&self, bytes: &mut Vec<u8>) -> Result<usize> {
        let position = self.position();
        let mut room = vec![0; bytes.capacity() - bytes.len()];
        let read = self.pread(&mut room, position)?;
        bytes.extend_from_slice(&room[..read]);
        self.set_position(position + read as u64);
        Ok(read)
    }

    /// Writes in two halves, if it writes several bytes beyond the end.
    pub(super) fn pwrite(&self, bytes: &[u8], offset: u64) -> Result<usize> {
        let offset = size(offset);
        let write = |kind, at: usize, bytes: &[u8]| {
            self.call(kind, None, |state| {
                self.is_not(OFlags::RDONLY, Errno::BADF)?;
                state.image.write(self.inode, at, bytes)
            })
        };
        let grows = self.mount.state().len(self.inode) < offset + bytes.len();
        let half = match grows && bytes.len() > 1 {
            true => bytes.len() / 2,
            false => bytes.len(),
        };
        write(Kind::Write, offset, &bytes[..half])?;
        if half < bytes.len() && write(Kind::WriteOn, offset + half, &bytes[half..]).is_err() {
            return Ok(half);
        }
        Ok(bytes.len())
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<usize> {
        let position = self.position();
        let written = self.pwrite(bytes, position)?;
        self.set_position(position + written as u64);
        Ok(written)
    }

    pub(super) fn copy(&self, to: &Self, len: u64) -> Result<u64> {
        let mut bytes = Vec::with_capacity(size(len));
        retry(|| self.read(&mut bytes))?;
        bytes.truncate(size(len));
        let mut written = 0;
        while written < bytes.len() {
            written += retry(|| to.write(&bytes[written..]))?;
        }
        Ok(written as u64)
    }

    pub(super) fn truncate(&self, len: u64) -> Result<()> {
        self.call(Kind::Truncate, None, |state| {
            self.is_not(OFlags::RDONLY, Errno::INVAL)?;
            state.image.content(self.inode)?.truncate(size(len));
            state.image.touch(self.inode);
            Ok(())
        })
    }

    pub(super) fn seek(&self, position: u64) -> Result<()> {
        self.call(Kind::Seek, None, |_| Ok(()))?;
        self.set_position(position);
        Ok(())
    }

    pub(super) fn seek_hole(&self) -> Result<u64> {
        let hole = self.call(Kind::Seek, None, |state| {
            let content = state.image.content(self.inode)?;
            match content.len() {
                0 => Err(Errno::NXIO),
                _ => Ok(content.first_hole() as u64),
            }
        })?;
        self.set_position(hole);
        Ok(hole)
    }

    pub(super) fn sync(&self, place: &'static Location<'static>) -> Result<()> {
        let is_dir = self.mount.state().image.node(self.inode).is_dir();
        let kind = if is_dir { Kind::SyncDir } else { Kind::Sync };
        let synced = self.call(kind, Some(place), |state| {
            match state.file(self.inode) {
                Some(content) => content.sync(),
                None => state.image.names.sync(),
            }
            Ok(())
        });
        if synced.is_err() {
            self.drop_dirty();
        }
        synced
    }

    fn drop_dirty(&self) {
        let mut state = self.mount.state();
        let lives = state.life == self.life && !state.stopped;
        if let Some(content) = state.file(self.inode).filter(|_| lives) {
            content.drop_dirty();
        }
    }

    pub(super) fn lock(&self) -> Result<()> {
        self.call(Kind::Lock, None, |state| {
            match *state.locks.entry(self.inode).or_insert(self.number) {
                holder if holder == self.number => Ok(()),
                _ => Err(Errno::WOULDBLOCK),
            }
        })
    }

    pub(super) fn unlock(&self) -> Result<()> {
        self.call(Kind::Unlock, None, |state| {
            if state.locks.get(&self.inode) == Some(&self.number) {
                state.locks.remove(&self.inode);
            }
            Ok(())
        })
    }

    pub(super) fn close(self, place: &'static Location<'static>) -> Result<()> {
        self.call(Kind::Close, Some(place), |_| Ok(()))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.mount.state();
        if state.locks.get(&self.inode) == Some(&self.number) {
            state.locks.remove(&self.inode);
        }
    }
}

/// One byte stands for a page, so every size fits into memory.
fn size(offset: u64) -> usize {
    usize::try_from(offset).expect("files on simulated disks are small")
}
