use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_tus_layers::lock::Guard;
use tower_tus_layers::protocol::{Error, Interrupt};

use super::MIN_POLL_INTERVAL;
use super::data_lock::DataLock;
use super::lock_file::{LockFile, Places};
use crate::fs::error::{is_full, of_upload};
use crate::fs::offload::Steps;

/// Both locks: on the disk, and within this process. Dropping it blocks.
#[derive(Debug)]
pub(super) struct Held {
    disk: OnDisk,
    /// Dropped after the lock on the disk.
    _here: Box<dyn Guard>,
}

#[derive(Debug)]
enum OnDisk {
    File(Arc<LockFile>),
    Data(#[expect(dead_code, reason = "it ends when it is dropped")] DataLock),
}

/// What a waiting request gets in the end, or the lock of this process, with
/// which it goes on waiting.
pub(super) type Attempt<T> = Result<Result<T, Box<dyn Guard>>, Error>;

impl Held {
    /// Takes the lock file.
    pub(super) fn take(places: &Arc<Places>, here: Box<dyn Guard>) -> Attempt<Self> {
        let taken = LockFile::take(places).map_err(of_upload)?;
        Ok(Self::with(taken.map(Arc::new).map(OnDisk::File), here))
    }

    /// Takes the lock file, or if there is no space for it, the data file.
    pub(super) fn take_to_terminate(places: &Arc<Places>, here: Box<dyn Guard>) -> Attempt<Self> {
        let taken = match LockFile::take(places) {
            Err(error) if is_full(&error) => {
                DataLock::take(places).map(|taken| taken.map(OnDisk::Data))
            }
            taken => taken.map(|taken| taken.map(Arc::new).map(OnDisk::File)),
        };
        Ok(Self::with(taken.map_err(of_upload)?, here))
    }

    fn with(disk: Option<OnDisk>, here: Box<dyn Guard>) -> Result<Self, Box<dyn Guard>> {
        match disk {
            Some(disk) => Ok(Self { disk, _here: here }),
            None => Err(here),
        }
    }
}

/// Waits for the holder of the lock file, and keeps only the lock of this
/// process.
pub(super) fn observe(places: &Arc<Places>, here: Box<dyn Guard>) -> Attempt<Box<dyn Guard>> {
    if !places.is_held().map_err(of_upload)? {
        return Ok(Ok(here));
    }
    places.ask().map_err(of_upload)?;
    Ok(Err(here))
}

impl Drop for Held {
    fn drop(&mut self) {
        if let OnDisk::File(file) = &self.disk {
            file.release();
        }
    }
}

/// A held lock, together with the task that watches it.
#[derive(Debug)]
pub(super) struct FileGuard {
    /// `None` once the guard is released.
    held: Option<Held>,
    steps: Arc<Steps>,
    watch: Option<JoinHandle<()>>,
}

impl FileGuard {
    /// Fires `interrupt` when another process waits for the lock.
    pub(super) fn new(
        held: Held,
        steps: Arc<Steps>,
        interrupt: Interrupt,
        poll_interval: Duration,
    ) -> Self {
        let interval = poll_interval.max(MIN_POLL_INTERVAL);
        let watch = match &held.disk {
            OnDisk::File(file) => {
                // Not the file itself: once it is released, nothing must keep
                // its inode.
                let file = Arc::downgrade(file);
                Some(tokio::spawn(watch(
                    file,
                    Arc::clone(&steps),
                    interrupt,
                    interval,
                )))
            }
            // A termination is short, and nobody can ask for its end.
            OnDisk::Data(_) => None,
        };
        Self {
            held: Some(held),
            steps,
            watch,
        }
    }

    fn end(&mut self) -> Option<Held> {
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
        self.held.take()
    }
}

/// Polls for waiting processes. Most locks are released before the first poll.
async fn watch(file: Weak<LockFile>, steps: Arc<Steps>, interrupt: Interrupt, interval: Duration) {
    loop {
        sleep(interval).await;
        let Some(file) = file.upgrade() else { return };
        // A failed poll says nothing about waiters, and the next one may
        // succeed.
        let is_wanted = move || file.is_wanted().map_err(of_upload);
        if let Ok(true) = steps.short(is_wanted).await {
            return interrupt.fire(Error::Interrupted);
        }
    }
}

#[async_trait]
impl Guard for FileGuard {
    async fn release(mut self: Box<Self>) {
        let held = self.end();
        // A runtime that shuts down refuses the step, but drops the lock all
        // the same.
        let release = move || {
            drop(held);
            Ok(())
        };
        let _ = self.steps.short(release).await;
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        let Some(held) = self.end() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(held))),
            Err(_) => drop(held),
        }
    }
}
