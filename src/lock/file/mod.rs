//! Locks as files in a directory, like tusd's: for all processes of one host.
//!
//! Servers that share an upload directory, of this kind or tusd, give each upload to
//! one request at a time. Beside the files of the upload `id` there are:
//!
//! | file        | what                                                        |
//! |-------------|-------------------------------------------------------------|
//! | `<id>.lock` | while the upload is held: the process id of the holder, in decimal with a newline |
//! | `<id>.stop` | while another process waits for it: asks the holder to let go |
//!
//! In the directory itself each process has one file `.<random>.lock` while it
//! holds locks, and each `<id>.lock` is a hard link of it. It goes when no lock
//! was held for a few hundred milliseconds, or with the last clone of the locker;
//! what a killed process leaves is removed at the first lock of another one. Where
//! no link is to be had, `<id>.lock` is a file by itself: on a file system without
//! links, on another one mounted below the directory, and beyond the maximum
//! number of links (65,000 on ext4).
//!
//! Within one process, all clones of one locker hand the lock over directly.
//! Between processes, the waiting one creates `<id>.stop`, and both sides poll
//! the files: every 200 ms by default, so that a hand-over takes less than a
//! second. In tusd, holders poll every 5 s and waiters every 2 s.
//!
//! One task watches all held locks, and none while no lock is held. As long as no
//! file is created or removed in a directory, a poll costs one system call,
//! however many locks are held there.
//!
//! # Stale locks
//!
//! A lock counts while its holder is alive. It is stale, and taken over at
//! once, if
//!
//! - its process is dead,
//! - its process is younger than the file, as after a reuse of the process id,
//!   or
//! - it has the id of this process but was not taken here, as when a container
//!   restarts as process 1.
//!
//! It is also stale if it names a living process that is not its holder, such as
//! process 1 of another container. That is assumed if the file and `<id>.stop`
//! are both older than 30 s ([`FileLocker::stale_after`]), and the process is not
//! seen to have a file with the upload's name open. A tusd that holds the lock
//! ends a request that receives bytes within seconds, and has the upload open
//! during a GET; only one whose hook takes longer loses its lock in this way.
//!
//! A file that names no process is stale after a second. Regardless of its
//! content, a file is not stale while its holder keeps it open under the
//! kernel's `flock`, as all holders of this kind do. Two containers that share
//! a directory therefore respect each other, although each of them is process 1
//! in its own namespace.
//!
//! The age of a process is known on Linux only.
//!
//! # Without a lock file
//!
//! The lock of a [new](Locker::acquire_new) upload, whose random id nobody knows
//! yet, is one within this process.
//!
//! A request that only [observes](Locker::observe) an upload creates no
//! `<id>.lock`: it waits for the holder of an existing one, and then reads. So
//! offsets can be read while the disk is full or read-only.
//!
//! A request that [terminates](Locker::acquire_to_terminate) an upload while
//! there is no space for `<id>.lock` puts the `flock` on the data file instead,
//! after it has waited for the holder of an existing lock file. So a full disk
//! can be emptied. An append does not do this: it needs space anyway, and a
//! process that finds space for a lock file would not notice it. A lock that is
//! [tried](Locker::try_acquire) is one of these, too: who tries it may want to
//! terminate the upload.
//!
//! To [ask](Locker::is_held) whether a lock is held creates no file and removes none.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_tus::lock::FileLocker;
//! use tower_tus_layers::lock::Locker;
//! use tower_tus_layers::protocol::{Error, Interrupt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let id = "4af3".parse()?;
//! let here = FileLocker::new(dir);
//! let guard = here.acquire(&id, Interrupt::default(), Duration::from_secs(20)).await?;
//! let holder = std::fs::read_to_string(dir.join("4af3.lock"))?;
//! assert_eq!(holder, format!("{}\n", std::process::id()));
//!
//! // Stands in for another process.
//! let there = FileLocker::new(dir);
//! let busy = there.acquire(&id, Interrupt::default(), Duration::ZERO).await;
//! assert!(matches!(busy, Err(Error::LockTimeout)));
//!
//! guard.release().await;
//! there.acquire(&id, Interrupt::default(), Duration::ZERO).await?.release().await;
//! # Ok(())
//! # }
//! ```

mod claim;
mod data_lock;
mod guard;
pub(crate) mod left;
mod lock_file;
mod own;
mod owner;
mod places;
mod quiet;
#[cfg(test)]
mod tests;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tower_tus_layers::lock::{Guard, Locker, MemoryLocker};
use tower_tus_layers::protocol::{Error, Interrupt, UploadId};

use self::claim::{Claim, Next, Outcome};
use self::guard::{FileGuard, Held};
use self::own::Own;
use self::places::{Found, Places};
use self::watcher::Watcher;
use crate::fs::error::of_upload;
use crate::fs::home::Home;
use crate::fs::offload::{Offload, Steps};
use crate::fs::sys;
use crate::store::FileStore;

/// How often waiters and holders poll by default.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Minimum interval, so that no setting causes a busy loop.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a request waits that has met another one which removes a stale lock.
const COLLISION: Duration = Duration::from_millis(1);

/// How long a process may ignore a request to release a lock. Holders in tusd look
/// for requests every 5 s by default.
const PATIENCE: Duration = Duration::from_secs(30);

/// A locker that keeps its locks as files in a directory.
///
/// A clone is the same locker. It must run within a tokio runtime.
///
/// The directory of an upload exists once the upload is created; before that,
/// acquiring the lock fails with [`Error::NotFound`]. Disk failures return the
/// same errors as in the [`FileStore`].
///
/// See the [module docs](self) for an example.
#[derive(Clone, Debug)]
pub struct FileLocker {
    shared: Arc<Shared>,
    /// Taken before the file, so that one request per process at a time waits
    /// for it.
    here: MemoryLocker,
    file_mode: u32,
    holder_poll_interval: Duration,
    acquirer_poll_interval: Duration,
    patience: Duration,
}

/// What all locks of a locker have in common.
#[derive(Debug)]
struct Shared {
    home: Arc<Home>,
    steps: Arc<Steps>,
    own: Own,
    watcher: Watcher,
}

impl FileLocker {
    /// Creates a locker for the uploads in the directory `dir`.
    ///
    /// A relative path is resolved now, against the current directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let steps = Steps::new(Offload::default());
        Self::at(Arc::new(Home::new(dir.into())), Arc::new(steps))
    }

    /// Creates a locker for the uploads of a store. Both detect together when
    /// the directory is gone, run their file operations on the same
    /// [terms](FileStore::offload), and give files the same mode.
    ///
    /// While the directory is gone or replaced, acquiring a lock fails with
    /// [`Error::StorageUnavailable`].
    #[must_use]
    pub fn beside(store: &FileStore) -> Self {
        let (home, steps) = (Arc::clone(store.home()), Arc::clone(store.steps()));
        Self::at(home, steps).file_mode(store.mode_of_files())
    }

    fn at(home: Arc<Home>, steps: Arc<Steps>) -> Self {
        let shared = Shared {
            home,
            steps,
            own: Own::default(),
            watcher: Watcher::default(),
        };
        Self {
            shared: Arc::new(shared),
            here: MemoryLocker::default(),
            file_mode: sys::FILE_MODE,
            holder_poll_interval: POLL_INTERVAL,
            acquirer_poll_interval: POLL_INTERVAL,
            patience: PATIENCE,
        }
    }

    /// Sets the mode of new files, less the umask: 0664 by default.
    #[must_use]
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = mode;
        self
    }

    /// Sets how often holders and waiters poll the files of other processes: every
    /// 200 ms by default.
    #[must_use]
    pub fn poll_interval(self, interval: Duration) -> Self {
        self.holder_poll_interval(interval)
            .acquirer_poll_interval(interval)
    }

    /// Sets how often a holder checks whether another process waits.
    #[must_use]
    pub fn holder_poll_interval(mut self, interval: Duration) -> Self {
        self.holder_poll_interval = interval;
        self
    }

    /// Sets how often a waiter checks whether another process has released the
    /// lock.
    #[must_use]
    pub fn acquirer_poll_interval(mut self, interval: Duration) -> Self {
        self.acquirer_poll_interval = interval;
        self
    }

    /// Sets after which time a lock is [stale](self#stale-locks) although the
    /// process that it names lives: 30 seconds by default.
    ///
    /// It should be longer than the holders' poll interval of a tusd that uses
    /// the same directory, 5 seconds by default, and what its requests take to
    /// end.
    #[must_use]
    pub fn stale_after(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

impl FileLocker {
    /// Makes attempts until one succeeds.
    async fn wait<T: Send + 'static>(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
        attempt: fn(Claim) -> Outcome<T>,
    ) -> Result<T, Error> {
        let begin = Instant::now();
        let here = self.here.acquire(id, interrupt, timeout).await?;
        let mut claim = Claim::new(Arc::clone(&self.shared), self.places(id), here);
        loop {
            // The blocking step owns the lock of this process: if this future
            // is dropped meanwhile, the step releases both locks in order.
            claim = match self.step(move || attempt(claim)).await? {
                Ok(had) => return Ok(had),
                Err(claim) => claim,
            };
            let left = timeout.saturating_sub(begin.elapsed());
            match claim.next {
                Next::AtOnce => sleep(COLLISION).await,
                Next::AtNextPoll if left.is_zero() => return Err(Error::LockTimeout),
                Next::AtNextPoll => {
                    let pause = self.acquirer_poll_interval.max(MIN_POLL_INTERVAL);
                    sleep(pause.min(left)).await;
                }
            }
        }
    }

    async fn hold(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
        attempt: fn(Claim) -> Outcome<Held>,
    ) -> Result<Box<dyn Guard>, Error> {
        let held = self.wait(id, interrupt.clone(), timeout, attempt).await?;
        Ok(self.guard(held, interrupt))
    }

    fn guard(&self, held: Held, interrupt: Interrupt) -> Box<dyn Guard> {
        let interval = self.holder_poll_interval.max(MIN_POLL_INTERVAL);
        Box::new(FileGuard::new(held, &self.shared, interrupt, interval))
    }

    fn places(&self, id: &UploadId) -> Arc<Places> {
        let dir = self.shared.home.dir();
        Arc::new(Places::new(dir, id, self.file_mode, self.patience))
    }

    /// Runs a [short step](crate::fs::offload) in the directory that is known.
    async fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let home = Arc::clone(&self.shared.home);
        self.shared.steps.short(move || home.step(step)).await
    }
}

#[async_trait]
impl Locker for FileLocker {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.hold(id, interrupt, timeout, Claim::take).await
    }

    async fn observe(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.wait(id, interrupt, timeout, Claim::observe).await
    }

    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.here.acquire(id, interrupt, timeout).await
    }

    async fn acquire_to_terminate(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let attempt = Claim::take_to_terminate;
        self.hold(id, interrupt, timeout, attempt).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        let Some(here) = self.here.try_acquire(id, interrupt.clone()).await? else {
            return Ok(None);
        };
        let claim = Claim::new(Arc::clone(&self.shared), self.places(id), here);
        let held = self.step(move || claim.take_if_free()).await?;
        Ok(held.map(|held| self.guard(held, interrupt)))
    }

    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        if self.here.is_held(id).await? {
            return Ok(true);
        }
        let (shared, places) = (Arc::clone(&self.shared), self.places(id));
        self.step(move || {
            let own = shared.own.current();
            let found = places.look(own.map(|own| own.inode())).map_err(of_upload)?;
            Ok(matches!(found, Found::Holder | Found::Busy))
        })
        .await
    }
}
