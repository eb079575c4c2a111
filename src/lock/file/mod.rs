//! Locks as files in a directory, kept as tusd does: for all processes of one host.
//!
//! Servers that share an upload directory, several of these or some of tusd's
//! among them, give each upload to one request at a time. Of the upload `id`
//! there are, beside its own files:
//!
//! | file        | what                                                        |
//! |-------------|-------------------------------------------------------------|
//! | `<id>.lock` | while the upload is held: the process id of the holder, in decimal with a newline |
//! | `<id>.stop` | while somebody else waits for it: the holder is to let go   |
//!
//! Within one process, that is for all clones of one locker, the lock is handed
//! over directly. From process to process whoever waits writes `<id>.stop`, and
//! both sides look at the files from time to time: every 200 ms unless set, so
//! that a hand-over between two of these takes less than a second. tusd's
//! holders look every 5 s, and its waiters every 2 s.
//!
//! # Stale locks
//!
//! A lock is honoured for as long as its holder lives. It is stale, and taken
//! over at once, when
//!
//! * its process is dead,
//! * its process is younger than the file, as when the number was given out anew, or
//! * it has this very process's number and was not taken here, as when a
//!   container begins again as process 1.
//!
//! A file that names no process is stale after a second. Whatever it says, a
//! file is no stale lock while its holder has it open and under the kernel's
//! own `flock`, as each of these holders has. So two containers that share a
//! directory respect each other too, though each is process 1 to itself.
//!
//! Processes are looked up on Unix, and their age on Linux. Elsewhere every
//! process is taken for alive.
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
//! // Another process, as it were.
//! let there = FileLocker::new(dir);
//! let busy = there.acquire(&id, Interrupt::default(), Duration::ZERO).await;
//! assert!(matches!(busy, Err(Error::LockTimeout)));
//!
//! guard.release().await;
//! there.acquire(&id, Interrupt::default(), Duration::ZERO).await?.release().await;
//! # Ok(())
//! # }
//! ```

mod guard;
mod lock_file;
mod owner;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tower_tus_layers::lock::{Guard, Locker, MemoryLocker};
use tower_tus_layers::protocol::{Error, Interrupt, UploadId};

use self::guard::{FileGuard, Held};
use self::lock_file::Places;
use crate::fs::blocking;
use crate::fs::error::of_store;
use crate::fs::home::Home;
use crate::store::FileStore;

/// How often a waiter or a holder looks, unless set.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// As often as it ever looks: no setting makes it spin.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A locker that keeps its locks as files in a directory.
///
/// A clone is the same locker. It has to run within a tokio runtime: what blocks
/// runs on its blocking pool.
///
/// The directory of an upload has to be there, as it is once the upload was
/// created; where it is not, to acquire the lock is an [`Error::NotFound`]. What
/// fails on the disk is an error as it is in the
/// [`FileStore`](crate::store::FileStore).
///
/// See the [module docs](self) for an example.
#[derive(Clone, Debug)]
pub struct FileLocker {
    home: Arc<Home>,
    /// In front of the files: one at a time of this process waits for a file.
    here: MemoryLocker,
    holder_poll_interval: Duration,
    acquirer_poll_interval: Duration,
}

impl FileLocker {
    /// A locker for the uploads in the directory `dir`.
    ///
    /// A relative path is taken from the current directory of this moment.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::at(Arc::new(Home::new(dir.into())))
    }

    /// A locker for the uploads of a store, which knows of a directory that is
    /// gone what the store knows.
    ///
    /// While the directory is not the one that it was, to acquire a lock is an
    /// [`Error::StorageUnavailable`].
    #[must_use]
    pub fn beside(store: &FileStore) -> Self {
        Self::at(Arc::clone(store.home()))
    }

    fn at(home: Arc<Home>) -> Self {
        Self {
            home,
            here: MemoryLocker::default(),
            holder_poll_interval: POLL_INTERVAL,
            acquirer_poll_interval: POLL_INTERVAL,
        }
    }

    /// How often holders and waiters look what the other processes do: every
    /// 200 ms unless set.
    #[must_use]
    pub const fn poll_interval(self, interval: Duration) -> Self {
        self.holder_poll_interval(interval)
            .acquirer_poll_interval(interval)
    }

    /// How often a holder looks whether another process waits.
    #[must_use]
    pub const fn holder_poll_interval(mut self, interval: Duration) -> Self {
        self.holder_poll_interval = interval;
        self
    }

    /// How often a waiter looks whether another process has let go.
    #[must_use]
    pub const fn acquirer_poll_interval(mut self, interval: Duration) -> Self {
        self.acquirer_poll_interval = interval;
        self
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
        let begin = Instant::now();
        let mut here = self.here.acquire(id, interrupt.clone(), timeout).await?;
        let places = Arc::new(Places::new(self.home.dir(), id));
        loop {
            // The lock of this process goes along to where it blocks: should
            // this future be dropped meanwhile, both are let go of there, in order.
            let (places, home) = (places.clone(), Arc::clone(&self.home));
            let take = move || {
                home.check().map_err(|lost| of_store(lost.into()))?;
                Held::take(&places, here)
            };
            here = match blocking(take).await? {
                Ok(held) => {
                    let guard = FileGuard::new(held, interrupt, self.holder_poll_interval);
                    return Ok(Box::new(guard));
                }
                Err(here) => here,
            };
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(Error::LockTimeout);
            }
            let pause = self.acquirer_poll_interval.max(MIN_POLL_INTERVAL);
            sleep(pause.min(left)).await;
        }
    }
}
