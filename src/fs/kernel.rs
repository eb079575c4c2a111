//! The calls to the kernel, one thin function each.
//!
//! Nothing is interpreted or combined here: [`sys`](super::sys) does that. Unit tests
//! run the same calls on simulated disks.

use std::fs::{self, Metadata};
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::io::{self, IoSlice, Read};
use std::path::Path;
use std::time::SystemTime;

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, SeekFrom};
use rustix::io::{Errno, Result};

/// An open file.
pub(super) type File = fs::File;

/// What the kernel knows of a file.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) kind: Kind,
    pub(super) len: u64,
    pub(super) device_and_inode: (u64, u64),
    pub(super) modified: SystemTime,
    /// `None` where the file system does not record it.
    pub(super) created: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Other,
}

impl From<Metadata> for Stat {
    fn from(metadata: Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Dir,
            _ => Kind::Other,
        };
        Self {
            kind,
            len: metadata.len(),
            device_and_inode: (metadata.dev(), metadata.ino()),
            // Every Unix records it.
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            created: metadata.created().ok(),
        }
    }
}

pub(super) fn open(path: &Path, flags: OFlags, mode: u32) -> Result<File> {
    let mode = Mode::from_raw_mode(mode as _);
    rustix::fs::open(path, flags | OFlags::CLOEXEC, mode).map(File::from)
}

/// Looks up what `path` leads to.
pub(super) fn stat(path: &Path) -> Result<Stat> {
    fs::metadata(path)
        .map(Stat::from)
        .map_err(|error| errno(&error))
}

/// Looks up what is at `path`, be it a link.
pub(super) fn lstat(path: &Path) -> Result<Stat> {
    fs::symlink_metadata(path)
        .map(Stat::from)
        .map_err(|error| errno(&error))
}

/// Returns the number of bytes that this process may still take on the file system of
/// `path`.
pub(super) fn free_space(path: &Path) -> Result<u64> {
    let system = rustix::fs::statvfs(path)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

pub(super) fn fstat(file: &File) -> Result<Stat> {
    file.metadata()
        .map(Stat::from)
        .map_err(|error| errno(&error))
}

pub(super) fn mkdir(path: &Path, mode: u32) -> Result<()> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(mode as _))
}

/// Returns the names in a directory that `is_wanted` accepts.
pub(super) fn names(path: &Path, is_wanted: fn(&str) -> bool) -> Result<Vec<String>> {
    // Unlike the standard library's, this one does not panic if closing it fails.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_str().ok();
        let name = name.filter(|name| !matches!(*name, "." | ".."));
        names.extend(name.filter(|name| is_wanted(name)).map(str::to_owned));
    }
    Ok(names)
}

/// An open directory whose entries are read.
#[derive(Debug)]
pub(super) struct Entries(rustix::fs::Dir);

pub(super) fn entries(path: &Path) -> Result<Entries> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::fs::Dir::new(dir).map(Entries)
}

impl Entries {
    /// Passes the next entry to `each`, unless its name is no text. Returns whether
    /// there was one.
    ///
    /// Not every file system tells the kind.
    pub(super) fn next(&mut self, each: &mut dyn FnMut(&str, Option<Kind>)) -> Result<bool> {
        use rustix::fs::FileType;
        let Some(entry) = self.0.read() else {
            return Ok(false);
        };
        let entry = entry?;
        let kind = match entry.file_type() {
            FileType::RegularFile => Some(Kind::File),
            FileType::Directory => Some(Kind::Dir),
            FileType::Unknown => None,
            _ => Some(Kind::Other),
        };
        if let Ok(name) = entry.file_name().to_str()
            && !matches!(name, "." | "..")
        {
            each(name, kind);
        }
        Ok(true)
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    rustix::fs::rename(from, to)
}

/// Fails if `to` exists.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn rename_new(from: &Path, to: &Path) -> Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn rename_new(_: &Path, _: &Path) -> Result<()> {
    Err(Errno::NOSYS)
}

pub(super) fn link(from: &Path, to: &Path) -> Result<()> {
    use rustix::fs::{AtFlags, linkat};
    linkat(CWD, from, CWD, to, AtFlags::empty())
}

pub(super) fn unlink(path: &Path) -> Result<()> {
    rustix::fs::unlink(path)
}

/// Fills the spare capacity of `bytes`, from the position of the file on.
pub(super) fn read(file: &File, bytes: &mut Vec<u8>) -> Result<usize> {
    rustix::io::read(file, spare_capacity(bytes))
}

/// Reads from `offset` on.
pub(super) fn pread(file: &File, bytes: &mut [u8], offset: u64) -> Result<usize> {
    rustix::io::pread(file, bytes, offset)
}

/// Reads from `offset` on what is in memory. Fails with `AGAIN` if the first byte
/// is not, and in some other way where this cannot be told.
#[cfg(target_os = "linux")]
pub(super) fn pread_at_once(file: &File, bytes: &mut [u8], offset: u64) -> Result<usize> {
    use rustix::io::ReadWriteFlags;
    let mut slices = [IoSliceMut::new(bytes)];
    rustix::io::preadv2(file, &mut slices, offset, ReadWriteFlags::NOWAIT)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn pread_at_once(_: &File, _: &mut [u8], _: u64) -> Result<usize> {
    Err(Errno::OPNOTSUPP)
}

/// Writes at the position of the file.
pub(super) fn write(file: &File, bytes: &[u8]) -> Result<usize> {
    rustix::io::write(file, bytes)
}

/// Writes at `offset`. Slices beyond the maximum of one call are left out.
pub(super) fn pwritev(file: &File, slices: &[IoSlice<'_>], offset: u64) -> Result<usize> {
    rustix::io::pwritev(file, slices, offset)
}

/// Copies up to `len` bytes between the positions of two files, whatever
/// signals arrive.
///
/// On Linux the standard library lets the kernel copy them
/// (`copy_file_range`), and a file system that can shares the blocks instead.
/// It gives up when a signal interrupts that, with both positions after what
/// has been copied.
pub(super) fn copy(mut from: &File, to: &File, len: u64) -> Result<u64> {
    let position = || rustix::io::retry_on_intr(|| rustix::fs::tell(to));
    let begin = position()?;
    loop {
        let done = position()? - begin;
        match io::copy(&mut from.by_ref().take(len - done), &mut &*to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(errno(&error)),
            Ok(copied) => return Ok(done + copied),
        }
    }
}

pub(super) fn truncate(file: &File, len: u64) -> Result<()> {
    rustix::fs::ftruncate(file, len)
}

/// Moves the position to `offset`.
pub(super) fn seek(file: &File, offset: u64) -> Result<()> {
    rustix::fs::seek(file, SeekFrom::Start(offset)).map(drop)
}

/// Drops the pages of a file from memory, as far as they are on the disk.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn drop_pages(file: &File) -> Result<()> {
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn drop_pages(_: &File) -> Result<()> {
    Err(Errno::INVAL)
}

/// Moves the position to the first hole, or to the end if there is none.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
))]
pub(super) fn seek_hole(file: &File) -> Result<u64> {
    rustix::fs::seek(file, SeekFrom::Hole(0))
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
pub(super) fn seek_hole(_: &File) -> Result<u64> {
    Err(Errno::INVAL)
}

#[cfg(not(target_vendor = "apple"))]
pub(super) fn fsync(file: &File) -> Result<()> {
    // Not the standard library's: it repeats a sync that was interrupted.
    rustix::fs::fsync(file)
}

#[cfg(target_vendor = "apple")]
pub(super) fn fsync(file: &File) -> Result<()> {
    // There, fsync leaves the bytes in the cache of the disk.
    rustix::fs::fcntl_fullfsync(file)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn fdatasync(file: &File) -> Result<()> {
    rustix::fs::fdatasync(file)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn fdatasync(file: &File) -> Result<()> {
    fsync(file)
}

/// Takes the lock of the file, or fails with `WOULDBLOCK`.
pub(super) fn flock(file: &File) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

pub(super) fn unlock(file: &File) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingUnlock)
}

/// Closes the file. Whatever is returned, it is closed.
pub(super) fn close(file: File) -> Result<()> {
    // The standard library and rustix discard the result.
    nix::unistd::close(file).map_err(|error| Errno::from_raw_os_error(error as i32))
}

fn errno(error: &io::Error) -> Errno {
    // Without a code, the path is not one that the system takes.
    Errno::from_io_error(error).unwrap_or(Errno::INVAL)
}
