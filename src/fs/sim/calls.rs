//! The calls of [`kernel`], each of which goes to a simulated disk if its path
//! is on one.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::IoSlice;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use super::image::What;
use super::open::Open;
use super::state::State;
use super::{Disk, Kind, Mount};
use crate::fs::kernel::{self, Kind as FileKind, Stat};

/// An open file.
#[derive(Debug)]
pub(in crate::fs) enum File {
    Real(kernel::File),
    Simulated(Open),
}

use File::{Real, Simulated};

pub(in crate::fs) fn open(path: &Path, flags: OFlags, mode: u32) -> Result<File> {
    match Disk::of(path) {
        Some((mount, path)) => Open::new(mount, path, flags).map(Simulated),
        None => kernel::open(path, flags, mode).map(Real),
    }
}

pub(in crate::fs) fn stat(path: &Path) -> Result<Stat> {
    match Disk::of(path) {
        Some((mount, path)) => stat_at(&mount, &path),
        None => kernel::stat(path),
    }
}

pub(in crate::fs) fn lstat(path: &Path) -> Result<Stat> {
    match Disk::of(path) {
        Some((mount, path)) => stat_at(&mount, &path),
        None => kernel::lstat(path),
    }
}

fn stat_at(mount: &Mount, path: &Arc<Path>) -> Result<Stat> {
    let mut state = mount.state();
    state.call(Kind::Stat, path, None, |state| {
        let inode = state.image.at(path)?;
        Ok(state.stat(mount.number, inode))
    })
}

pub(in crate::fs) fn free_space(path: &Path) -> Result<u64> {
    let Some((mount, path)) = Disk::of(path) else {
        return kernel::free_space(path);
    };
    let mut state = mount.state();
    state.call(Kind::Stat, &path, None, |state| Ok(state.free))
}

pub(in crate::fs) fn fstat(file: &File) -> Result<Stat> {
    match file {
        Real(file) => kernel::fstat(file),
        Simulated(file) => file.stat(),
    }
}

pub(in crate::fs) fn mkdir(path: &Path, mode: u32) -> Result<()> {
    let Some((mount, path)) = Disk::of(path) else {
        return kernel::mkdir(path, mode);
    };
    let mut state = mount.state();
    state.call(Kind::Mkdir, &path, None, |state| {
        let found = match path.as_os_str().is_empty() {
            true => return Err(Errno::EXIST),
            false => state.image.find(&path)?,
        };
        match found.inode {
            Some(_) => Err(Errno::EXIST),
            None => {
                state.image.create(&found, What::Dir);
                Ok(())
            }
        }
    })
}

pub(in crate::fs) fn names(path: &Path, is_wanted: fn(&str) -> bool) -> Result<Vec<String>> {
    let Some((mount, path)) = Disk::of(path) else {
        return kernel::names(path, is_wanted);
    };
    let mut state = mount.state();
    state.call(Kind::List, &path, None, |state| {
        let dir = state.image.at(&path)?;
        let names = state.image.names.now().get(&dir).into_iter().flatten();
        let names = names.filter_map(|(name, _)| name.to_str());
        Ok(names
            .filter(|name| is_wanted(name))
            .map(str::to_owned)
            .collect())
    })
}

/// An open directory whose entries are read.
#[derive(Debug)]
pub(in crate::fs) enum Entries {
    Real(kernel::Entries),
    /// Those that were there when it was opened.
    Simulated(VecDeque<(String, FileKind)>),
}

pub(in crate::fs) fn entries(path: &Path) -> Result<Entries> {
    let Some((mount, path)) = Disk::of(path) else {
        return kernel::entries(path).map(Entries::Real);
    };
    let mut state = mount.state();
    state.call(Kind::List, &path, None, |state| {
        let dir = state.image.at(&path)?;
        if !state.image.node(dir).is_dir() {
            return Err(Errno::NOTDIR);
        }
        let names = state.image.names.now().get(&dir).into_iter().flatten();
        let entry = |(name, inode): (&OsString, &_)| {
            let kind = match state.image.node(*inode).is_dir() {
                true => FileKind::Dir,
                false => FileKind::File,
            };
            Some((name.to_str()?.to_owned(), kind))
        };
        Ok(Entries::Simulated(names.filter_map(entry).collect()))
    })
}

impl Entries {
    pub(in crate::fs) fn next(
        &mut self,
        each: &mut dyn FnMut(&str, Option<FileKind>),
    ) -> Result<bool> {
        match self {
            Self::Real(entries) => entries.next(each),
            Self::Simulated(entries) => {
                let next = entries.pop_front();
                if let Some((name, kind)) = &next {
                    each(name, Some(*kind));
                }
                Ok(next.is_some())
            }
        }
    }
}

/// Makes a call with two paths on one disk. `None`: both are real.
fn with_both(
    (from, to): (&Path, &Path),
    kind: Kind,
    make: impl FnOnce(&mut State, &Path, &Path) -> Result<()>,
) -> Option<Result<()>> {
    match (Disk::of(from), Disk::of(to)) {
        (None, None) => None,
        (Some((mount, from)), Some((other, to))) if Arc::ptr_eq(&mount, &other) => {
            let mut state = mount.state();
            Some(state.call(kind, &to, None, |state| make(state, &from, &to)))
        }
        _ => Some(Err(Errno::XDEV)),
    }
}

pub(in crate::fs) fn rename(from: &Path, to: &Path) -> Result<()> {
    let simulated = with_both((from, to), Kind::Rename, |state, from, to| {
        let (from, to) = (state.image.find(from)?, state.image.find(to)?);
        state.image.rename(&from, &to)
    });
    simulated.unwrap_or_else(|| kernel::rename(from, to))
}

pub(in crate::fs) fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let simulated = with_both((from, to), Kind::RenameNew, |state, from, to| {
        let (from, to) = (state.image.find(from)?, state.image.find(to)?);
        match (from.inode, to.inode) {
            (Some(_), Some(_)) => Err(Errno::EXIST),
            _ => state.image.rename(&from, &to),
        }
    });
    simulated.unwrap_or_else(|| kernel::rename_new(from, to))
}

pub(in crate::fs) fn link(from: &Path, to: &Path) -> Result<()> {
    let simulated = with_both((from, to), Kind::Link, |state, from, to| {
        let inode = state.image.at(from)?;
        let to = state.image.find(to)?;
        if to.inode.is_some() {
            return Err(Errno::EXIST);
        }
        if state.image.node(inode).is_dir() {
            return Err(Errno::PERM);
        }
        state.image.link(&to, inode, "link");
        Ok(())
    });
    simulated.unwrap_or_else(|| kernel::link(from, to))
}

pub(in crate::fs) fn unlink(path: &Path) -> Result<()> {
    let Some((mount, path)) = Disk::of(path) else {
        return kernel::unlink(path);
    };
    let mut state = mount.state();
    state.call(Kind::Unlink, &path, None, |state| {
        let found = state.image.find(&path)?;
        let inode = found.inode.ok_or(Errno::NOENT)?;
        if state.image.node(inode).is_dir() {
            return Err(Errno::ISDIR);
        }
        state.image.unlink(&found);
        Ok(())
    })
}

pub(in crate::fs) fn read(file: &File, bytes: &mut Vec<u8>) -> Result<usize> {
    match file {
        Real(file) => kernel::read(file, bytes),
        Simulated(file) => file.read(bytes),
    }
}

pub(in crate::fs) fn pread(file: &File, bytes: &mut [u8], offset: u64) -> Result<usize> {
    match file {
        Real(file) => kernel::pread(file, bytes, offset),
        Simulated(file) => file.pread(bytes, offset),
    }
}

pub(in crate::fs) fn pread_at_once(file: &File, bytes: &mut [u8], offset: u64) -> Result<usize> {
    match file {
        Real(file) => kernel::pread_at_once(file, bytes, offset),
        // A simulated disk has no memory beside it.
        Simulated(_) => Err(Errno::OPNOTSUPP),
    }
}

pub(in crate::fs) fn write(file: &File, bytes: &[u8]) -> Result<usize> {
    match file {
        Real(file) => kernel::write(file, bytes),
        Simulated(file) => file.write(bytes),
    }
}

pub(in crate::fs) fn pwritev(file: &File, slices: &[IoSlice<'_>], offset: u64) -> Result<usize> {
    match file {
        Real(file) => kernel::pwritev(file, slices, offset),
        Simulated(file) => {
            let slices: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
            file.pwrite(&slices.concat(), offset)
        }
    }
}

pub(in crate::fs) fn copy(from: &File, to: &File, len: u64) -> Result<u64> {
    match (from, to) {
        (Real(from), Real(to)) => kernel::copy(from, to, len),
        (Simulated(from), Simulated(to)) => from.copy(to, len),
        _ => Err(Errno::XDEV),
    }
}

pub(in crate::fs) fn truncate(file: &File, len: u64) -> Result<()> {
    match file {
        Real(file) => kernel::truncate(file, len),
        Simulated(file) => file.truncate(len),
    }
}

pub(in crate::fs) fn seek(file: &File, offset: u64) -> Result<()> {
    match file {
        Real(file) => kernel::seek(file, offset),
        Simulated(file) => file.seek(offset),
    }
}

pub(in crate::fs) fn drop_pages(file: &File) -> Result<()> {
    match file {
        Real(file) => kernel::drop_pages(file),
        // It has no memory but the disk.
        Simulated(_) => Ok(()),
    }
}

pub(in crate::fs) fn seek_hole(file: &File) -> Result<u64> {
    match file {
        Real(file) => kernel::seek_hole(file),
        Simulated(file) => file.seek_hole(),
    }
}

#[track_caller]
pub(in crate::fs) fn fsync(file: &File) -> Result<()> {
    match file {
        Real(file) => kernel::fsync(file),
        Simulated(file) => file.sync(Location::caller()),
    }
}

#[track_caller]
pub(in crate::fs) fn fdatasync(file: &File) -> Result<()> {
    match file {
        Real(file) => kernel::fdatasync(file),
        Simulated(file) => file.sync(Location::caller()),
    }
}

pub(in crate::fs) fn flock(file: &File) -> Result<()> {
    match file {
        Real(file) => kernel::flock(file),
        Simulated(file) => file.lock(),
    }
}

pub(in crate::fs) fn unlock(file: &File) -> Result<()> {
    match file {
        Real(file) => kernel::unlock(file),
        Simulated(file) => file.unlock(),
    }
}

#[track_caller]
pub(in crate::fs) fn close(file: File) -> Result<()> {
    match file {
        Real(file) => kernel::close(file),
        Simulated(file) => file.close(Location::caller()),
    }
}
