//! A file system that hangs on demand: a directory, seen through FUSE.
//!
//! ```ignore
//! let disk = HangingDisk::mount()?;
//! let store = FileStore::new(disk.path());
//! disk.hang();
//! // ... requests
//! disk.has_held(10).await;
//! disk.go_on();
//! ```

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use rustix::fs::{AtFlags, CWD};
use tempfile::TempDir;
use tokio::sync::watch;

/// The kernel remembers nothing, so that every look hangs.
const TTL: Duration = Duration::ZERO;

/// A mounted directory. Unmounted on drop.
pub(crate) struct HangingDisk {
    disk: Arc<Disk>,
    session: Option<BackgroundSession>,
    mount: TempDir,
}

/// What is behind the mount.
struct Disk {
    state: Mutex<State>,
    /// The number of calls that hang.
    held: watch::Sender<usize>,
    _home: TempDir,
}

struct State {
    hangs: bool,
    held: Vec<Call>,
    /// Keeps files reachable whatever becomes of their names.
    inodes: HashMap<u64, File>,
    open: HashMap<u64, Arc<File>>,
    last: u64,
}

type Call = Box<dyn FnOnce(&Disk) + Send>;

impl HangingDisk {
    /// Mounts an empty directory.
    ///
    /// # Errors
    ///
    /// The reason why that is not possible here.
    pub(crate) fn mount() -> io::Result<Self> {
        let home = TempDir::new()?;
        let root = find(home.path())?;
        let disk = Arc::new(Disk {
            state: Mutex::new(State {
                hangs: false,
                held: Vec::new(),
                inodes: HashMap::from([(1, root)]),
                open: HashMap::new(),
                last: 0,
            }),
            held: watch::channel(0).0,
            _home: home,
        });
        let mount = TempDir::new()?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("hanging".to_owned())];
        let session = fuser::spawn_mount(Mounted(Arc::clone(&disk)), mount.path(), &config)?;
        Ok(Self {
            disk,
            session: Some(session),
            mount,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mount.path()
    }

    /// From now on no call returns.
    pub(crate) fn hang(&self) {
        self.disk.state().hangs = true;
    }

    /// Waits until so many calls hang.
    pub(crate) async fn has_held(&self, calls: usize) {
        let mut held = self.disk.held.subscribe();
        held.wait_for(|held| *held >= calls).await.unwrap();
    }

    /// Lets all calls return.
    pub(crate) fn go_on(&self) {
        let held = {
            let mut state = self.disk.state();
            state.hangs = false;
            std::mem::take(&mut state.held)
        };
        self.disk.held.send_replace(0);
        for call in held {
            call(&self.disk);
        }
    }
}

impl Drop for HangingDisk {
    fn drop(&mut self) {
        self.go_on();
        if let Some(session) = self.session.take() {
            // A server that is just ending may still have files open there.
            if session.umount_and_join().is_err() {
                let mut umount = Command::new("umount");
                let _ = umount.arg("--lazy").arg(self.path()).status();
            }
        }
    }
}

/// Opens a file or a directory so that it can be found again.
fn find(path: &Path) -> io::Result<File> {
    const O_PATH: i32 = 0o10_000_000;
    const O_NOFOLLOW: i32 = 0o400_000;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(O_PATH | O_NOFOLLOW);
    options.open(path)
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns a path to an inode.
    fn path(&self, inode: INodeNo) -> io::Result<PathBuf> {
        let state = self.state();
        let file = state.inodes.get(&inode.0).ok_or(io::ErrorKind::NotFound)?;
        Ok(format!("/proc/self/fd/{}", file.as_raw_fd()).into())
    }

    fn named(&self, parent: INodeNo, name: &OsStr) -> io::Result<PathBuf> {
        Ok(self.path(parent)?.join(name))
    }

    fn entry(&self, path: &Path) -> io::Result<FileAttr> {
        let found = find(path)?;
        let metadata = found.metadata()?;
        let mut state = self.state();
        state.inodes.entry(metadata.ino()).or_insert(found);
        Ok(attributes(&metadata))
    }

    fn look(&self, inode: INodeNo) -> io::Result<FileAttr> {
        let mut found = attributes(&fs::metadata(self.path(inode)?)?);
        found.ino = inode;
        Ok(found)
    }

    fn opened(&self, file: File) -> FileHandle {
        let mut state = self.state();
        state.last += 1;
        let handle = state.last;
        state.open.insert(handle, Arc::new(file));
        FileHandle(handle)
    }

    fn open(&self, handle: FileHandle) -> io::Result<Arc<File>> {
        let state = self.state();
        let file = state.open.get(&handle.0).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::clone(file))
    }

    fn make(&self, path: &Path, mode: u32, flags: i32) -> io::Result<(FileAttr, FileHandle)> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).mode(mode);
        const O_EXCL: i32 = 0o200;
        let file = match flags & O_EXCL {
            0 => options.create(true).open(path)?,
            _ => options.create_new(true).open(path)?,
        };
        Ok((self.entry(path)?, self.opened(file)))
    }
}

fn attributes(metadata: &Metadata) -> FileAttr {
    let at = |seconds: i64, nanos: i64| {
        let nanos = u32::try_from(nanos).unwrap();
        SystemTime::UNIX_EPOCH + Duration::new(seconds.try_into().unwrap_or(0), nanos)
    };
    FileAttr {
        ino: INodeNo(metadata.ino()),
        size: metadata.size(),
        blocks: metadata.blocks(),
        atime: at(metadata.atime(), metadata.atime_nsec()),
        mtime: at(metadata.mtime(), metadata.mtime_nsec()),
        ctime: at(metadata.ctime(), metadata.ctime_nsec()),
        crtime: SystemTime::UNIX_EPOCH,
        kind: match metadata.is_dir() {
            true => FileType::Directory,
            false => FileType::RegularFile,
        },
        perm: (metadata.permissions().mode() & 0o7777) as u16,
        nlink: metadata.nlink() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// Each method is one call of the kernel, which may hang.
struct Mounted(Arc<Disk>);

impl Mounted {
    fn call(&self, call: impl FnOnce(&Disk) + Send + 'static) {
        let mut state = self.0.state();
        if !state.hangs {
            drop(state);
            return call(&self.0);
        }
        state.held.push(Box::new(call));
        self.0.held.send_replace(state.held.len());
    }
}

/// Answers with what was done, or why it failed.
macro_rules! answer {
    ($reply:ident, $done:expr, $some:pat => $good:expr) => {
        match $done {
            Ok($some) => $good,
            Err(error) => $reply.error(Errno::from(io::Error::from(error))),
        }
    };
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_owned();
        self.call(move |disk| {
            let found = disk.named(parent, &name).and_then(|path| disk.entry(&path));
            answer!(reply, found, found => reply.entry(&TTL, &found, Generation(0)));
        });
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.call(move |disk| {
            answer!(reply, disk.look(inode), found => reply.attr(&TTL, &found));
        });
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.call(move |disk| {
            let cut = disk.path(inode).and_then(|path| match size {
                Some(size) => OpenOptions::new().write(true).open(path)?.set_len(size),
                None => Ok(()),
            });
            let changed = cut.and_then(|()| disk.look(inode));
            answer!(reply, changed, found => reply.attr(&TTL, &found));
        });
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let name = name.to_owned();
        self.call(move |disk| {
            let path = disk.named(parent, &name);
            let made = path.and_then(|path| fs::create_dir(&path).and_then(|()| disk.entry(&path)));
            answer!(reply, made, found => reply.entry(&TTL, &found, Generation(0)));
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let name = name.to_owned();
        self.call(move |disk| {
            let removed = disk.named(parent, &name).and_then(fs::remove_file);
            answer!(reply, removed, () => reply.ok());
        });
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to_parent: INodeNo,
        to_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let (name, to_name) = (name.to_owned(), to_name.to_owned());
        self.call(move |disk| {
            let rename = || -> io::Result<()> {
                let (from, to) = (disk.named(parent, &name)?, disk.named(to_parent, &to_name)?);
                let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
                Ok(rustix::fs::renameat_with(CWD, from, CWD, to, flags)?)
            };
            answer!(reply, rename(), () => reply.ok());
        });
    }

    fn link(&self, _: &Request, inode: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_owned();
        self.call(move |disk| {
            let link = || -> io::Result<FileAttr> {
                let (from, to) = (disk.path(inode)?, disk.named(parent, &name)?);
                rustix::fs::linkat(CWD, from, CWD, &to, AtFlags::SYMLINK_FOLLOW)?;
                disk.entry(&to)
            };
            answer!(reply, link(), found => reply.entry(&TTL, &found, Generation(0)));
        });
    }

    fn open(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.call(move |disk| {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true);
            let opened = disk.path(inode).and_then(|path| options.open(path));
            let none = FopenFlags::empty();
            answer!(reply, opened, file => reply.opened(disk.opened(file), none));
        });
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let name = name.to_owned();
        self.call(move |disk| {
            let path = disk.named(parent, &name);
            let made = path.and_then(|path| disk.make(&path, mode, flags));
            let none = FopenFlags::empty();
            answer!(reply, made, (found, handle) => {
                reply.created(&TTL, &found, Generation(0), handle, none);
            });
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.call(move |disk| {
            let mut bytes = vec![0; size as usize];
            let read = disk.open(handle);
            let read = read.and_then(|file| file.read_at(&mut bytes, offset));
            answer!(reply, read, read => reply.data(&bytes[..read]));
        });
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let bytes = bytes.to_owned();
        self.call(move |disk| {
            let written = disk.open(handle);
            let written = written.and_then(|file| file.write_at(&bytes, offset));
            answer!(reply, written, written => reply.written(written as u32));
        });
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        self.call(move |_| reply.ok());
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.call(move |disk| {
            disk.state().open.remove(&handle.0);
            reply.ok();
        });
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.call(move |_| reply.ok());
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.call(move |_| reply.ok());
    }
}
