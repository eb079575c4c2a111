//! All calls to the file system. Each error names its path.

use std::fmt;
use std::fs::{self, DirBuilder, Metadata, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::error::{is_full, is_missing};

/// tusd's modes: a group has the permissions of the owner.
pub(crate) const FILE_MODE: u32 = 0o664;
pub(crate) const DIR_MODE: u32 = 0o775;

/// An open file whose errors name its path.
#[derive(Debug)]
pub(crate) struct File {
    file: fs::File,
    path: PathBuf,
}

impl File {
    /// Creates a file, and fails if it exists. The mode is 0664 less the umask.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::create_new_with(path, FILE_MODE)
    }

    /// Creates a file, and fails if it exists. The mode is `mode` less the
    /// umask.
    pub(crate) fn create_new_with(path: &Path, mode: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        Self::open_with(path, &options)
    }

    /// Opens an existing file for writing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OpenOptions::new().write(true))
    }

    /// Opens a file for reading.
    pub(crate) fn open_to_read(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OpenOptions::new().read(true))
    }

    /// Opens a file for reading and writing, if it exists. Network file systems
    /// lock only files that are open for writing.
    pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<Self>> {
        if_there(Self::open_with(
            path,
            OpenOptions::new().read(true).write(true),
        ))
    }

    fn open_with(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let file = named(path, options.open(path))?;
        Ok(Self {
            file,
            path: path.into(),
        })
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        named(&self.path, self.file.metadata()).map(|metadata| metadata.len())
    }

    pub(crate) fn truncate(&self, len: u64) -> io::Result<()> {
        named(&self.path, self.file.set_len(len))
    }

    pub(crate) fn sync_data(&self) -> io::Result<()> {
        named(&self.path, self.file.sync_data())
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        named(&self.path, self.file.sync_all())
    }

    pub(crate) fn modified(&self) -> io::Result<SystemTime> {
        named(
            &self.path,
            self.file.metadata().and_then(|file| file.modified()),
        )
    }

    pub(crate) fn read_to_end(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        named(&self.path, (&self.file).read_to_end(&mut bytes)).map(|_| bytes)
    }

    /// Reads `length` bytes at `offset`. Fails if the file is shorter.
    pub(crate) fn read_at(&self, mut offset: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            match read_some(&self.file, &mut bytes, offset) {
                Ok(0) => return named(&self.path, Err(ErrorKind::UnexpectedEof.into())),
                Ok(read) => offset += read as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return named(&self.path, Err(error)),
            }
        }
        // The capacity may exceed what was requested.
        bytes.truncate(length);
        Ok(bytes.into())
    }

    /// Takes the kernel's lock on the file, which ends with the process at the
    /// latest. Returns false while it is held through another open file, in
    /// this process or another.
    pub(crate) fn try_lock(&self) -> bool {
        #[cfg(unix)]
        {
            use rustix::fs::{FlockOperation, flock};
            let locked = flock(&self.file, FlockOperation::NonBlockingLockExclusive);
            // On a file system without such locks, nobody holds one.
            locked != Err(rustix::io::Errno::WOULDBLOCK)
        }
        #[cfg(not(unix))]
        true
    }

    /// Whether `path` currently names this file.
    pub(crate) fn is_at(&self, path: &Path) -> io::Result<bool> {
        let there = if_there(named(path, fs::symlink_metadata(path)))?;
        let here = named(&self.path, self.file.metadata())?;
        Ok(there.is_some_and(|there| is_same(&there, &here)))
    }

    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        named(&self.path, (&self.file).write_all(bytes))
    }

    /// Appends the first `len` bytes of `from`.
    ///
    /// On Linux the kernel copies them (`io::copy` uses `copy_file_range`), and
    /// a file system that can shares the blocks instead.
    pub(crate) fn write_from(&self, from: &Self, len: u64) -> io::Result<()> {
        let copied = io::copy(&mut (&from.file).take(len), &mut &self.file);
        if named(&self.path, copied)? < len {
            return named(&from.path, Err(ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Writes all `frames` at `offset`, and advances it by the bytes written,
    /// also on failure.
    pub(crate) fn write_at(&self, offset: &mut u64, frames: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match write_some(&self.file, rest, *offset) {
                Ok(0) => return named(&self.path, Err(ErrorKind::WriteZero.into())),
                Ok(written) => {
                    *offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return named(&self.path, Err(error)),
            }
        }
        Ok(())
    }
}

/// Whether a file exists at `path` and differs from the one at `other`.
pub(crate) fn is_another_file(path: &Path, other: &Path) -> io::Result<bool> {
    let metadata = |path: &Path| if_there(named(path, fs::metadata(path)));
    Ok(match (metadata(path)?, metadata(other)?) {
        (Some(file), Some(other)) => file.is_file() && !is_same(&file, &other),
        (file, None) => file.is_some_and(|file| file.is_file()),
        (None, _) => false,
    })
}

/// Compares two files. At least one must be open or have been looked up just
/// now: the inode number of a removed file may be reused.
#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    // The closest substitute for an inode number.
    one.created().ok() == other.created().ok()
}

/// Appends to `bytes` what one read returns.
#[cfg(unix)]
fn read_some(file: &fs::File, bytes: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
    Ok(rustix::io::pread(
        file,
        rustix::buffer::spare_capacity(bytes),
        offset,
    )?)
}

#[cfg(not(unix))]
fn read_some(mut file: &fs::File, bytes: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
    use std::sync::{Mutex, PoisonError};
    // A file has a single read position, shared by all readers.
    static PLACE: Mutex<()> = Mutex::new(());
    let _place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    let room = bytes.capacity() - bytes.len();
    file.take(room as u64).read_to_end(bytes)
}

#[cfg(unix)]
fn write_some(file: &fs::File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    // Slices beyond the maximum of one call are left to the next one.
    Ok(rustix::io::pwritev(file, slices, offset)?)
}

#[cfg(not(unix))]
fn write_some(mut file: &fs::File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    file.write_vectored(slices)
}

/// Distinguishes a directory from any other that has or had the same name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    /// The creation time, if the file system records it: inode numbers are
    /// reused.
    created: Option<SystemTime>,
}

/// Returns the identity of the directory at `path`.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = named(path, fs::metadata(path))?;
    if !metadata.is_dir() {
        return named(path, Err(ErrorKind::NotADirectory.into()));
    }
    Ok(Identity {
        #[cfg(unix)]
        device_and_inode: {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        },
        created: metadata.created().ok(),
    })
}

/// Checks that files can be created in a directory. A full disk passes: files
/// can be created again later.
pub(crate) fn try_to_write(dir: &Path) -> io::Result<()> {
    // No id ends like this. Another server may be probing at the same time.
    let probe = dir.join(".probe.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    match named(dir, options.open(&probe)) {
        Err(error) if is_full(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => remove(&probe),
    }
}

/// Reads a file, if it exists.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_there(named(path, fs::read(path)))
}

/// Returns the size of a regular file, if it exists.
pub(crate) fn file_size(path: &Path) -> io::Result<Option<u64>> {
    let metadata = if_there(named(path, fs::metadata(path)))?;
    Ok(metadata.filter(Metadata::is_file).map(|file| file.len()))
}

pub(crate) fn is_dir(path: &Path) -> io::Result<bool> {
    let metadata = if_there(named(path, fs::metadata(path)))?;
    Ok(metadata.is_some_and(|metadata| metadata.is_dir()))
}

/// Whether anything exists at `path`: a file, a directory, or a dangling link.
pub(crate) fn exists(path: &Path) -> io::Result<bool> {
    let metadata = if_there(named(path, fs::symlink_metadata(path)))?;
    Ok(metadata.is_some())
}

/// Creates a directory and its missing parents, each with `mode` less the
/// umask. Returns the directories that got a new entry.
pub(crate) fn make_dirs(path: &Path, mode: u32) -> io::Result<Vec<&Path>> {
    let missing: Vec<_> = path.ancestors().take_while(|dir| !dir.is_dir()).collect();
    if !missing.is_empty() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        #[cfg(not(unix))]
        let _ = mode;
        named(path, builder.create(path))?;
    }
    Ok(missing.into_iter().filter_map(Path::parent).collect())
}

/// Renames the finished file `from` to `to`, and fails if `to` exists.
///
/// If this is interrupted, `from` may keep its old name as well.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The kernel or the file system does not support the flag.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return named(to, renamed.map_err(io::Error::from)),
        }
    }
    publish_by_link(from, to)
}

fn publish_by_link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => named(to, Err(error)),
        // File systems without hard links report various errors.
        Err(_) if exists(to)? => named(to, Err(ErrorKind::AlreadyExists.into())),
        Err(_) => replace(from, to),
        Ok(()) => remove(from),
    }
}

/// Renames the finished file `from` to `to`, and replaces an existing `to`.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    named(to, fs::rename(from, to))
}

/// Removes a file, if it exists.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    if_there(named(path, fs::remove_file(path))).map(drop)
}

/// Opens a file in order to sync its content.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Opening it for writing would notify programs that watch it for changes,
    // but only Unix can sync a file that is open for reading.
    if cfg!(unix) {
        options.read(true)
    } else {
        options.write(true)
    };
    File::open_with(path, &options)
}

/// Makes the name of a file durable.
pub(crate) fn sync_dir_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable.
#[cfg(unix)]
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    let synced = fs::File::open(path).and_then(|dir| dir.sync_all());
    match synced {
        // Network file systems may not support this call for directories.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => named(path, synced),
    }
}

#[cfg(not(unix))]
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Adds the path to the error of a result.
pub(crate) fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| {
        let path = path.into();
        io::Error::new(error.kind(), Named { path, error })
    })
}

/// An error together with the path that caused it.
#[derive(Debug)]
pub(crate) struct Named {
    path: PathBuf,
    error: io::Error,
}

impl Named {
    pub(crate) const fn error(&self) -> &io::Error {
        &self.error
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Named {}

#[cfg(test)]
mod tests {
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
    fn publishing_never_replaces() {
        for publish in [publish, publish_by_link] {
            let dir = tempfile::tempdir().unwrap();
            let (from, to) = (dir.path().join("from"), dir.path().join("to"));
            fs::write(&from, "new").unwrap();
            fs::write(&to, "old").unwrap();
            let taken = publish(&from, &to).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).unwrap(), b"old");
            remove(&to).unwrap();
            publish(&from, &to).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new");
            assert!(!from.exists());
        }
    }

    #[test]
    fn the_directories_that_changed_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        let changed = make_dirs(&deep, DIR_MODE).unwrap();
        assert_eq!(changed, [&dir.path().join("a"), dir.path()]);
        assert!(make_dirs(&deep, DIR_MODE).unwrap().is_empty());
    }
}
