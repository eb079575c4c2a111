//! Open files.

use std::io::{self, ErrorKind, IoSlice};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::{Errno, retry_on_intr as retry};

use super::calls;
use super::error::is_read_only;
use super::kernel::{Kind, Stat};
use super::named::{named, named_if_there};
use super::sys::{FILE_MODE, Seen, is_same};

/// An open file whose errors name its path.
#[derive(Debug)]
pub(crate) struct File {
    file: calls::File,
    path: PathBuf,
}

/// What a read found that must not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// So many bytes, at least one.
    Read(usize),
    /// No bytes are there, or the first one is not in memory.
    Nothing,
    /// The file system or the kernel cannot tell.
    Unsupported,
}

/// An open file with the kernel's lock on it, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is being started has a
        // copy of it until it runs its program.
        let _ = retry(|| calls::unlock(&self.0.file));
    }
}

impl File {
    /// Creates a file, and fails if it exists. The mode is 0664 less the umask.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::create_new_with(path, FILE_MODE)
    }

    /// Creates a file, and fails if it exists. The mode is `mode` less the
    /// umask.
    pub(crate) fn create_new_with(path: &Path, mode: u32) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        Self::open_with(path, flags, mode)
    }

    /// Opens a file for writing, and creates it if it is missing. The mode is
    /// 0664 less the umask.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::WRONLY | OFlags::CREATE, FILE_MODE)
    }

    /// Opens an existing file for writing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::WRONLY, 0)
    }

    /// Opens a file for reading.
    pub(crate) fn open_to_read(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::RDONLY, 0)
    }

    /// Opens what a client reads, and looks at it. Returns `None` if it cannot be
    /// opened, or is no regular file.
    pub(crate) fn open_regular(path: &Path) -> Option<(Self, Seen)> {
        // Something else that has the name of an upload, such as a pipe, may wait.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = Self::open_with(path, flags, 0).ok()?;
        let stat = file.stat().ok()?;
        (stat.kind == Kind::File).then(|| (file, stat.into()))
    }

    /// Opens a directory, in order to sync it.
    pub(crate) fn open_dir(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)
    }

    /// Opens a file in order to lock it, if it exists. Network file systems lock
    /// only files that are open for writing; local ones also those that can only
    /// be read.
    pub(crate) fn open_to_lock(path: &Path) -> io::Result<Option<Self>> {
        match Self::open_with_if_there(path, OFlags::RDWR) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied || is_read_only(&error) => {
                Self::open_if_there(path)
            }
            opened => opened,
        }
    }

    /// Opens a file for reading, if it exists.
    pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<Self>> {
        Self::open_with_if_there(path, OFlags::RDONLY)
    }

    fn open_with_if_there(path: &Path, flags: OFlags) -> io::Result<Option<Self>> {
        let file = named_if_there(path, retry(|| calls::open(path, flags, 0)))?;
        Ok(file.map(|file| Self {
            file,
            path: path.into(),
        }))
    }

    fn open_with(path: &Path, flags: OFlags, mode: u32) -> io::Result<Self> {
        let file = named(path, retry(|| calls::open(path, flags, mode)))?;
        Ok(Self {
            file,
            path: path.into(),
        })
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        named(&self.path, retry(|| calls::fstat(&self.file)))
    }

    /// Returns the size and the last change.
    pub(crate) fn seen(&self) -> io::Result<Seen> {
        self.stat().map(Seen::from)
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.stat().map(|stat| stat.len)
    }

    pub(crate) fn modified(&self) -> io::Result<SystemTime> {
        self.stat().map(|stat| stat.modified)
    }

    /// Whether `path` currently names this file.
    pub(crate) fn is_at(&self, path: &Path) -> io::Result<bool> {
        let there = named_if_there(path, retry(|| calls::lstat(path)))?;
        let here = self.stat()?;
        Ok(there.is_some_and(|there| is_same(&there, &here)))
    }

    /// Returns the first hole within the file: bytes that read as zeros because
    /// nothing was written there, or because a power cut has lost it.
    ///
    /// Returns `None` if there is none, or if the file system cannot tell. Moves
    /// the position to the beginning.
    pub(crate) fn first_hole(&self) -> io::Result<Option<u64>> {
        let len = self.len()?;
        // A lost block that somebody has read, such as a backup, counts as data
        // while its zeros are in memory. This is advice, so it may fail.
        let _ = calls::drop_pages(&self.file);
        let hole = match retry(|| calls::seek_hole(&self.file)) {
            // It is empty, or the file system does not support the call.
            Err(Errno::NXIO | Errno::INVAL | Errno::OPNOTSUPP) => return Ok(None),
            hole => named(&self.path, hole)?,
        };
        named(&self.path, retry(|| calls::seek(&self.file, 0)))?;
        Ok(Some(hole).filter(|hole| *hole < len))
    }

    pub(crate) fn truncate(&self, len: u64) -> io::Result<()> {
        named(&self.path, retry(|| calls::truncate(&self.file, len)))
    }

    /// Makes content and size durable. A failure is final: the kernel drops
    /// what it could not write, so another sync of the same bytes would wrongly
    /// succeed.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        let synced = calls::fdatasync(&self.file);
        named(&self.path, synced)
    }

    /// Like [`sync_data`](Self::sync_data), with all that the kernel knows of the
    /// file.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        let synced = calls::fsync(&self.file);
        named(&self.path, synced)
    }

    /// Makes the names in the directory durable. A failure is final, as that of
    /// [`sync_data`](Self::sync_data).
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync_names(&self) -> io::Result<()> {
        match calls::fsync(&self.file) {
            // Network file systems may not support this call for directories.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            synced => named(&self.path, synced),
        }
    }

    /// Closes the file, and reports what the kernel reports. Network file
    /// systems write late, and report here what they could not write. Like that
    /// of a sync, a failure is final; the file is closed all the same.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn close(self) -> io::Result<()> {
        let closed = calls::close(self.file);
        named(&self.path, closed)
    }

    /// Reads from the position of the file to its end.
    pub(crate) fn read_to_end(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while self.read_more(&mut bytes)? > 0 {}
        Ok(bytes)
    }

    /// Reads once from the position of the file, and returns the number of
    /// bytes: 0 at its end. The first read takes up to a page, each later one
    /// as much as all before it.
    pub(crate) fn read_more(&self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        const PAGE: usize = 4096;
        bytes.reserve(bytes.len().max(PAGE));
        let read = retry(|| calls::read(&self.file, bytes));
        named(&self.path, read)
    }

    /// Reads `length` bytes at `offset`. Fails if the file is shorter.
    pub(crate) fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.read_exact_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Fills `bytes` from `offset` on. Fails if the file is shorter.
    pub(crate) fn read_exact_at(&self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let read = retry(|| calls::pread(&self.file, bytes, offset));
            match named(&self.path, read)? {
                0 => return named(&self.path, Err(ErrorKind::UnexpectedEof)),
                read => {
                    offset += read as u64;
                    bytes = &mut bytes[read..];
                }
            }
        }
        Ok(())
    }

    /// Reads at `offset` without waiting for the disk.
    pub(crate) fn read_at_once(&self, offset: u64, bytes: &mut [u8]) -> AtOnce {
        match calls::pread_at_once(&self.file, bytes, offset) {
            Ok(read) if read > 0 => AtOnce::Read(read),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => AtOnce::Unsupported,
            Ok(_) | Err(_) => AtOnce::Nothing,
        }
    }

    /// Takes the kernel's lock on the file, which ends with the process at the
    /// latest. Returns `None` while it is held through another open file, in
    /// this process or another.
    pub(crate) fn try_lock(self) -> Option<Locked> {
        // On a file system without such locks, nobody holds one.
        match retry(|| calls::flock(&self.file)) {
            Err(Errno::WOULDBLOCK) => None,
            _ => Some(Locked(self)),
        }
    }

    /// Writes at the position of the file.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match named(&self.path, retry(|| calls::write(&self.file, bytes)))? {
                0 => return named(&self.path, Err(ErrorKind::WriteZero)),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }

    /// Writes `len` bytes of `from`, each file at its own position.
    pub(crate) fn write_from(&self, from: &Self, len: u64) -> io::Result<()> {
        // An interruption does not end it.
        let copied = calls::copy(&from.file, &self.file, len);
        if named(&self.path, copied)? < len {
            return named(&from.path, Err(ErrorKind::UnexpectedEof));
        }
        Ok(())
    }

    /// Writes all `frames` at `offset`, and advances it by the bytes written,
    /// also on failure.
    pub(crate) fn write_at(&self, offset: &mut u64, frames: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let written = retry(|| calls::pwritev(&self.file, rest, *offset));
            match named(&self.path, written)? {
                0 => return named(&self.path, Err(ErrorKind::WriteZero)),
                written => {
                    *offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn more_slices_than_one_call_takes_are_all_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create_new(&path).unwrap();
        let frames: Vec<_> = (0..5000_u32).map(|n| Bytes::from(n.to_string())).collect();
        let mut offset = 0;
        file.write_at(&mut offset, &frames).unwrap();
        let expected = frames.concat();
        assert_eq!(offset, expected.len() as u64);
        assert_eq!(fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn files_are_written_one_after_the_other_and_as_far_as_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        // More than one page, and not a whole number of pages.
        let long = "0123456789".repeat(1000);
        fs::write(path("a"), &long).unwrap();
        fs::write(path("b"), "xyz").unwrap();
        let to = File::create_new(&path("to")).unwrap();
        for (from, len) in [("b", 2), ("a", 9_999), ("b", 0), ("a", 10_000), ("b", 3)] {
            let from = File::open_to_read(&path(from)).unwrap();
            to.write_from(&from, len).unwrap();
        }
        let expected = ["xy", &long[..9_999], &long, "xyz"].concat();
        assert!(fs::read(path("to")).unwrap() == expected.as_bytes());

        let short = File::open_to_read(&path("b")).unwrap();
        let error = to.write_from(&short, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains(path("b").to_str().unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_that_fails_counts_nothing_and_names_its_file() {
        let file = File::open(Path::new("/dev/full")).unwrap();
        let mut offset = 7;
        let error = file
            .write_at(&mut offset, &[Bytes::from("hello")])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("/dev/full: "), "{error}");
        assert_eq!(offset, 7);
    }

    #[test]
    fn a_file_is_read_from_its_beginning_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for len in [0, 1, 2048, 5000] {
            fs::write(&path, "x".repeat(len)).unwrap();
            let file = File::open_to_read(&path).unwrap();
            assert_eq!(file.read_to_end().unwrap(), "x".repeat(len).as_bytes());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_only_the_disk_has_is_not_read_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create_new(&path).unwrap();
        file.write_all(b"hello").unwrap();
        file.sync_all().unwrap();
        let file = File::open_to_read(&path).unwrap();
        calls::drop_pages(&file.file).unwrap();
        // A file system without a disk never tells.
        let has_none = |read| matches!(read, AtOnce::Nothing | AtOnce::Unsupported);
        assert!(has_none(file.read_at_once(0, &mut [0; 5])));
        assert_eq!(file.read_at(0, 5).unwrap(), "hello");
        assert!(has_none(file.read_at_once(5, &mut [0; 5])), "it is the end");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_first_hole_is_where_nothing_was_written() {
        const BLOCK: u64 = 1 << 20;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create_new(&path).unwrap();
        let hole = || file.first_hole().unwrap();
        assert_eq!(hole(), None, "it is empty");
        let block = Bytes::from(vec![1; BLOCK as usize]);
        file.write_at(&mut 0, std::slice::from_ref(&block)).unwrap();
        assert_eq!(hole(), None, "the end is no hole");
        file.write_at(&mut (2 * BLOCK), &[block]).unwrap();
        assert_eq!(hole(), Some(BLOCK));
        file.write_all(b"x").unwrap();
        assert_eq!(fs::read(&path).unwrap()[0], b'x', "it begins anew");
        let dev = File::open_to_read(Path::new("/proc/self/stat")).unwrap();
        assert_eq!(dev.first_hole().unwrap(), None, "it cannot be told there");
    }

    #[test]
    fn a_file_that_was_written_can_be_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create_new(&path).unwrap();
        file.write_all(b"hello").unwrap();
        file.close().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello");
    }

    #[test]
    fn a_lock_ends_although_a_process_that_is_being_started_has_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let held = File::create_new(&path).unwrap().try_lock().unwrap();
        let calls::File::Real(file) = &held.file else {
            unreachable!("the directory is real");
        };
        let copy = file.try_clone().unwrap();
        let again = || File::open(&path).unwrap().try_lock();
        assert!(again().is_none());
        drop(held);
        assert!(again().is_some());
        drop(copy);
    }
}
