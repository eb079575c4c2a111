//! What stores and lockers do with files by their paths. Each error names its
//! path.
//!
//! A call that a signal has interrupted is repeated. The exceptions are syncs
//! and close: the first one has already reported what was lost.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::io::{Errno, retry_on_intr as retry};

use super::calls;
use super::error::{is_full, is_missing};
use super::kernel::Stat;

pub(crate) use super::entries::{Entries, Entry, kind_at};
pub(crate) use super::file::{AtOnce, File, Locked};
pub(crate) use super::kernel::Kind;
pub(crate) use super::link::{Inode, Linked, inode_at, inode_of, link, modified_at, names};
pub(crate) use super::named::named;
use super::named::named_if_there;
pub(crate) use super::publish::publish;

/// tusd's modes: a group has the permissions of the owner.
pub(crate) const FILE_MODE: u32 = 0o664;
pub(crate) const DIR_MODE: u32 = 0o775;

/// Returns the path `<dir>/<id><suffix>` of a file of an upload, in one allocation.
pub(crate) fn path_of(dir: &Path, id: &str, suffix: &str) -> PathBuf {
    let length = dir.as_os_str().len() + 1 + id.len() + suffix.len();
    let mut path = PathBuf::with_capacity(length);
    path.push(dir);
    path.push(id);
    path.as_mut_os_string().push(suffix);
    path
}

fn stat(path: &Path) -> io::Result<Stat> {
    named(path, retry(|| calls::stat(path)))
}

fn stat_if_there(path: &Path) -> io::Result<Option<Stat>> {
    named_if_there(path, retry(|| calls::stat(path)))
}

/// Whether a file exists at `path` and differs from the one at `other`.
pub(crate) fn is_another_file(path: &Path, other: &Path) -> io::Result<bool> {
    Ok(match (stat_if_there(path)?, stat_if_there(other)?) {
        (Some(file), Some(other)) => file.kind == Kind::File && !is_same(&file, &other),
        (file, None) => file.is_some_and(|file| file.kind == Kind::File),
        (None, _) => false,
    })
}

/// Returns the free space on the file system of `path`, in bytes.
pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    named(path, retry(|| calls::free_space(path)))
}

/// Compares two files. At least one must be open or have been looked up just
/// now: the inode number of a removed file may be reused.
pub(super) fn is_same(one: &Stat, other: &Stat) -> bool {
    one.device_and_inode == other.device_and_inode
}

/// Distinguishes a directory from any other that has or had the same name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device_and_inode: (u64, u64),
    /// The creation time, if the file system records it: inode numbers are
    /// reused.
    created: Option<SystemTime>,
}

impl Identity {
    pub(crate) const fn is_on_disk_of(&self, other: &Self) -> bool {
        self.device_and_inode.0 == other.device_and_inode.0
    }
}

/// Returns the identity of the directory at `path`.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let stat = stat(path)?;
    if stat.kind != Kind::Dir {
        return named(path, Err(ErrorKind::NotADirectory));
    }
    Ok(Identity {
        device_and_inode: stat.device_and_inode,
        created: stat.created,
    })
}

/// Returns when the system was booted, if it tells.
pub(crate) fn boot_time() -> Option<SystemTime> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::time::{ClockId, clock_gettime};
        let uptime = std::time::Duration::try_from(clock_gettime(ClockId::Boottime)).ok()?;
        SystemTime::now().checked_sub(uptime)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// Checks that files can be created in a directory. A full disk passes: files
/// can be created again later.
pub(crate) fn try_to_write(dir: &Path) -> io::Result<()> {
    // No id ends like this. Another server may be probing at the same time.
    let probe = dir.join(".probe.new");
    match File::create(&probe) {
        Err(error) if is_full(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => remove(&probe),
    }
}

/// Reads a file, if it exists.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = File::open_if_there(path)? else {
        return Ok(None);
    };
    match file.read_to_end() {
        // It is a directory.
        Err(error) if is_missing(&error) => Ok(None),
        read => read.map(Some),
    }
}

/// A look at a regular file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) len: u64,
    pub(crate) modified: SystemTime,
    /// The number of the file system.
    pub(crate) device: u64,
}

impl From<Stat> for Seen {
    fn from(stat: Stat) -> Self {
        Self {
            len: stat.len,
            modified: stat.modified,
            device: stat.device_and_inode.0,
        }
    }
}

/// Looks at a regular file, if it exists.
pub(crate) fn look(path: &Path) -> io::Result<Option<Seen>> {
    let found = stat_if_there(path)?.filter(|found| found.kind == Kind::File);
    Ok(found.map(Seen::from))
}

pub(crate) fn is_dir(path: &Path) -> io::Result<bool> {
    Ok(stat_if_there(path)?.is_some_and(|found| found.kind == Kind::Dir))
}

/// Whether anything exists at `path`: a file, a directory, or a dangling link.
pub(crate) fn exists(path: &Path) -> io::Result<bool> {
    let found = named_if_there(path, retry(|| calls::lstat(path)))?;
    Ok(found.is_some())
}

/// Creates a directory and its missing parents, each with `mode` less the
/// umask. Returns the directories that got a new entry.
pub(crate) fn make_dirs(path: &Path, mode: u32) -> io::Result<Vec<&Path>> {
    // What cannot be looked up fails when it is made.
    let is_missing = |dir: &&Path| !is_dir(dir).unwrap_or(false);
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    for dir in missing.iter().rev() {
        match retry(|| calls::mkdir(dir, mode)) {
            // Another request may have made it just now.
            Err(Errno::EXIST) if is_dir(dir)? => {}
            made => named(dir, made)?,
        }
    }
    Ok(missing.into_iter().filter_map(Path::parent).collect())
}

/// Renames the finished file `from` to `to`, and replaces an existing `to`.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    named(to, retry(|| calls::rename(from, to)))
}

/// Removes a file, if it exists.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    named_if_there(path, retry(|| calls::unlink(path))).map(drop)
}

/// Opens a file in order to sync its content.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    // Opening it for writing would notify programs that watch it for changes.
    File::open_to_read(path)
}

/// Makes the name of a file durable.
#[cfg_attr(test, track_caller)]
pub(crate) fn sync_dir_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => sync_dir(dir),
        None => Ok(()),
    }
}

/// Makes the names in a directory durable. A failure is final, as that of
/// [`File::sync_data`].
#[cfg_attr(test, track_caller)]
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open_dir(path)?.sync_names()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::error::errno;
    use crate::fs::sim::{Disk, Kind as CallKind, Verdict};

    #[test]
    fn the_directories_that_changed_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        let changed = make_dirs(&deep, DIR_MODE).unwrap();
        assert_eq!(changed, [&dir.path().join("a"), dir.path()]);
        assert!(make_dirs(&deep, DIR_MODE).unwrap().is_empty());
    }

    #[test]
    fn a_file_in_the_way_of_a_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        std::fs::write(&file, "").unwrap();
        assert!(make_dirs(&file, DIR_MODE).is_err(), "it is the file");
        assert!(make_dirs(&file.join("b"), DIR_MODE).is_err(), "it is below");
    }

    /// Everything but syncs, on a disk with the directory `d`.
    fn use_all(root: &Path) -> io::Result<()> {
        let at = |name: &str| root.join(name);
        make_dirs(&at("d/e"), DIR_MODE)?;
        try_to_write(root)?;
        let file = File::create_new(&at("d/a"))?;
        file.write_all(b"abc")?;
        file.write_at(&mut 3, &["de".into(), "f".into()])?;
        file.truncate(5)?;
        let file = file.try_lock().expect("nobody has locked it");
        assert!(file.is_at(&at("d/a"))?);
        assert_eq!((file.len()?, file.first_hole()?), (5, None));
        let read_too = File::open_to_lock(&at("d/a"))?.expect("it is there");
        assert_eq!(read_too.read_to_end()?, b"abcde");
        assert_eq!(read_too.read_at(1, 2)?, "bc");
        assert!(read_too.try_lock().is_none());
        let copy = File::create_new(&at("b"))?;
        copy.write_from(&File::open_to_read(&at("d/a"))?, 5)?;
        publish(&at("b"), &at("c"))?;
        replace(&at("c"), &at("b"))?;
        assert!(exists(&at("b"))? && is_dir(&at("d"))?);
        assert!(is_another_file(&at("b"), &at("d/a"))?);
        assert_eq!(look(&at("b"))?.map(|seen| seen.len), Some(5));
        identity(root)?;
        remove(&at("b"))
    }

    #[test]
    fn what_a_signal_interrupts_is_repeated() {
        let disk = Disk::new();
        use_all(disk.root()).unwrap();
        let calls = disk.calls().len();
        assert!(calls > 30);
        for n in 1..=calls {
            let disk = Disk::new();
            disk.fail(n, Errno::INTR);
            use_all(disk.root()).unwrap_or_else(|error| panic!("call {n}: {error}"));
            assert_eq!(disk.files(), [Path::new("d/a")]);
        }
    }

    #[test]
    fn a_sync_or_a_close_that_was_interrupted_has_failed() {
        let disk = Disk::new();
        let path = disk.root().join("a");
        let file = File::create_new(&path).unwrap();
        disk.rule(|call| match call.kind {
            CallKind::Sync | CallKind::SyncDir | CallKind::Close => Verdict::Fail(Errno::INTR),
            _ => Verdict::Pass,
        });
        let before = disk.calls().len();
        let synced = [file.sync_data(), file.sync_all(), file.close()];
        let synced = synced.into_iter().chain([sync_dir_of(&path)]);
        for error in synced.map(Result::unwrap_err) {
            assert_eq!(errno(&error), Some(Errno::INTR));
        }
        assert_eq!(disk.calls().len(), before + 5, "nothing is repeated");
    }

    #[test]
    fn a_network_file_system_need_not_sync_directories() {
        let disk = Disk::new();
        for refused in [Errno::INVAL, Errno::OPNOTSUPP] {
            disk.fail(2, refused);
            sync_dir(disk.root()).unwrap();
        }
        disk.fail(2, Errno::IO);
        sync_dir(disk.root()).unwrap_err();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_was_booted_before_this_process_began() {
        let dir = tempfile::tempdir().unwrap();
        let new = File::create_new(&dir.path().join("a")).unwrap();
        let boot = boot_time().unwrap();
        assert!(boot < new.modified().unwrap());
        assert!(boot > SystemTime::UNIX_EPOCH);
    }
}
