use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_tus_layers::lock::Guard;
use tower_tus_layers::protocol::{Error, Interrupt};

use super::MIN_POLL_INTERVAL;
use super::lock_file::{LockFile, Places};
use crate::fs::blocking;
use crate::fs::error::of_upload;

/// Both locks: the file, and the lock within this process. Dropping it blocks.
#[derive(Debug)]
pub(super) struct Held {
    file: Arc<LockFile>,
    /// Dropped after the file has been removed.
    _here: Box<dyn Guard>,
}

impl Held {
    /// Takes the lock file, or returns the lock of this process.
    pub(super) fn take(
        places: &Arc<Places>,
        here: Box<dyn Guard>,
    ) -> Result<Result<Self, Box<dyn Guard>>, Error> {
        let Some(file) = LockFile::take(places).map_err(of_upload)? else {
            return Ok(Err(here));
        };
        let file = Arc::new(file);
        Ok(Ok(Self { file, _here: here }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.file.release();
    }
}

/// A held lock, together with the task that watches it.
#[derive(Debug)]
pub(super) struct FileGuard {
    /// `None` once the guard is released.
    held: Option<Held>,
    watch: JoinHandle<()>,
}

impl FileGuard {
    /// Fires `interrupt` when another process waits for the lock.
    pub(super) fn new(held: Held, interrupt: Interrupt, poll_interval: Duration) -> Self {
        let interval = poll_interval.max(MIN_POLL_INTERVAL);
        let watch = tokio::spawn(watch(held.file.clone(), interrupt, interval));
        Self {
            held: Some(held),
            watch,
        }
    }
}

/// Polls for waiting processes. Most locks are released before the first poll.
async fn watch(file: Arc<LockFile>, interrupt: Interrupt, interval: Duration) {
    loop {
        sleep(interval).await;
        let file = file.clone();
        // A failed poll says nothing about waiters, and the next one may
        // succeed.
        if let Ok(true) = blocking(move || file.is_wanted().map_err(of_upload)).await {
            return interrupt.fire(Error::Interrupted);
        }
    }
}

#[async_trait]
impl Guard for FileGuard {
    async fn release(mut self: Box<Self>) {
        self.watch.abort();
        let held = self.held.take();
        // A runtime that shuts down refuses the step, but drops the lock all
        // the same.
        let _ = blocking(move || {
            drop(held);
            Ok(())
        })
        .await;
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        self.watch.abort();
        let Some(held) = self.held.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(held))),
            Err(_) => drop(held),
        }
    }
}
