//! Simulated disks: file systems in memory, for tests, that can fail, crash and
//! lie.
//!
//! A [`Disk`] is mounted at a path that exists nowhere else, [`Disk::root`].
//! Every call of [`sys`](super::sys) on a path below it, from any thread, goes
//! to the disk instead of to the kernel. A store in there knows nothing of it:
//!
//! ```ignore
//! let disk = Disk::new();
//! disk.stop_at(7); // The seventh change and all later calls fail.
//! sim::run(async { FileStore::new(disk.root()).create(new("a")).await });
//! for cut in disk.cuts() {
//!     disk.mount(&cut.image); // As it may be found after a power cut.
//!     sim::run(async { /* what was promised holds, or it panics with {cut} */ });
//! }
//! ```
//!
//! # What a crash leaves
//!
//! - [`Disk::kill`], the death of the process: everything that was written.
//!   Kernel locks end.
//! - [`Disk::cuts`], a power cut. **Names**: a prefix of all changes of names, in
//!   their order (the journals of ext4 and XFS keep it), at least up to the last
//!   sync of a directory, of any directory. **Content**, of each file by itself:
//!   what was synced; of the rest any part of the bytes, and a size between the
//!   synced one and the latest. Lost bytes within the size are holes: they read
//!   as zeros. A truncation counts from some moment on, with all before it.
//!   The sync of a file keeps its content and not its name.
//!
//! One byte stands for a page, so that a few bytes have all the states of many.
//! Bytes that overwrite synced ones by one call are kept or lost together, like
//! those of a sector.
//!
//! A sync that fails drops what it should have written: it is read until the
//! next power cut, and no later sync makes it durable.

pub(super) mod calls;
mod content;
mod cut;
mod honest;
mod image;
mod names;
mod open;
mod random;
mod rule;
mod state;
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::future::Future;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use rustix::io::Errno;

pub(crate) use self::cut::Cut;
pub(crate) use self::image::Image;
pub(crate) use self::rule::{Call, Kind, Verdict};

use self::rule::Rule;
use self::state::State;

/// All disks are mounted below this path, where nothing exists.
const MOUNTS: &str = "/simulated-disks";

static DISKS: RwLock<BTreeMap<u64, Weak<Mount>>> = RwLock::new(BTreeMap::new());

/// A simulated disk, mounted while this value exists.
#[derive(Debug)]
pub(crate) struct Disk(Arc<Mount>);

#[derive(Debug)]
struct Mount {
    number: u64,
    root: PathBuf,
    state: Mutex<State>,
}

impl Disk {
    /// Makes an empty disk.
    pub(crate) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let mount = Arc::new(Mount {
            number,
            root: Path::new(MOUNTS).join(number.to_string()),
            state: Mutex::default(),
        });
        let mut disks = DISKS.write().unwrap_or_else(PoisonError::into_inner);
        disks.insert(number, Arc::downgrade(&mount));
        Self(mount)
    }

    /// Returns the path of its root directory, which exists and is empty at
    /// first.
    pub(crate) fn root(&self) -> &Path {
        &self.0.root
    }

    /// Reports this many bytes as free from now on.
    pub(crate) fn set_free_space(&self, bytes: u64) {
        self.0.state().free = bytes;
    }

    /// Lets `rule` decide about each of the following calls.
    pub(crate) fn rule(&self, rule: impl FnMut(&Call) -> Verdict + Send + 'static) {
        self.0.state().rule = Rule::new(rule);
    }

    /// Makes the `n`-th change from now on, counted from 1, and all later calls
    /// fail. The change does not happen.
    ///
    /// Syncs are changes too. A write of several bytes beyond the end of a file
    /// is two: a process may die in the middle of it.
    pub(crate) fn stop_at(&self, n: usize) {
        let n = self.0.state().changes + n;
        self.rule(move |call| match call.change {
            Some(change) if change == n => Verdict::Stop,
            _ => Verdict::Pass,
        });
    }

    /// Makes the `n`-th call from now on fail, counted from 1. Every kind of
    /// call counts.
    pub(crate) fn fail(&self, n: usize, errno: Errno) {
        let n = self.0.state().calls.len() + n;
        self.rule(move |call| match call.number == n {
            true => Verdict::Fail(errno),
            false => Verdict::Pass,
        });
    }

    /// Makes each sync at a [site](Call::site) report success without doing
    /// anything, whatever the rule, for all lives of the disk.
    pub(crate) fn lie_at(&self, site: &str) {
        self.0.state().lies_at = Some(site.to_owned());
    }

    /// Whether the disk has stopped.
    pub(crate) fn has_stopped(&self) -> bool {
        self.0.state().stopped
    }

    /// Returns all calls since the disk was mounted.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.state().calls.clone()
    }

    /// Returns the number of changes since the disk was mounted.
    pub(crate) fn changes(&self) -> usize {
        self.0.state().changes
    }

    /// Returns what the disk holds, with all that is not durable yet.
    pub(crate) fn image(&self) -> Image {
        self.0.state().image.clone()
    }

    /// Begins a new life of the disk: with this content, without rules, locks
    /// and open files, and with its counters at zero.
    pub(crate) fn mount(&self, image: &Image) {
        let mut state = self.0.state();
        *state = State {
            image: image.clone(),
            life: state.life + 1,
            opened: state.opened,
            lies_at: state.lies_at.take(),
            ..State::default()
        };
    }

    /// Lets all changes lie before the last boot.
    pub(crate) fn age(&self) {
        self.0.state().image.boot();
    }

    /// Kills the process that uses the disk: what was written stays.
    pub(crate) fn kill(&self) {
        let image = self.image();
        self.mount(&image);
    }

    /// Returns what power cuts may leave now: all states if they are at most 64,
    /// else the extremes and a sample. Each is to be [mounted](Self::mount).
    pub(crate) fn cuts(&self) -> Vec<Cut> {
        self.some_cuts(64)
    }

    /// Like [`cuts`](Self::cuts), but at most this number.
    pub(crate) fn some_cuts(&self, most: usize) -> Vec<Cut> {
        self.image().cuts(most)
    }

    /// Returns what power cuts may leave at the least: of each file what was synced.
    pub(crate) fn least(&self) -> [Cut; 2] {
        self.image().least()
    }

    /// Returns the paths of all files, relative to the root.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.0.state().image.files()
    }

    /// Returns the disk that a path is on, and the path there.
    fn of(path: &Path) -> Option<(Arc<Mount>, Arc<Path>)> {
        let on_disks = path
            .as_os_str()
            .as_bytes()
            .strip_prefix(MOUNTS.as_bytes())?;
        let mut parts = on_disks.splitn(3, |byte| *byte == b'/').skip(1);
        let number: u64 = str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let disks = DISKS.read().unwrap_or_else(PoisonError::into_inner);
        let mount = disks.get(&number)?.upgrade()?;
        let inside = OsStr::from_bytes(parts.next().unwrap_or_default());
        Some((mount, Path::new(inside).into()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut disks = DISKS.write().unwrap_or_else(PoisonError::into_inner);
        disks.remove(&self.number);
    }
}

impl Mount {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a future to its end, with all blocking steps in this thread: a crash
/// test runs millions. Time is paused: it passes while everything waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    let was_running = IS_RUNNING.replace(true);
    let done = runtime.block_on(future);
    IS_RUNNING.set(was_running);
    done
}

/// Whether [`run`] runs in this thread.
pub(super) fn is_running() -> bool {
    IS_RUNNING.get()
}
