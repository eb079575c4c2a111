//! A lock that is held.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tower_tus_layers::lock::Guard;
use tower_tus_layers::protocol::Interrupt;

use super::Shared;
use super::data_lock::DataLock;
use super::lock_file::LockFile;
use super::watcher::Watched;

/// Both locks: on the disk, and within this process. Dropping it blocks.
#[derive(Debug)]
pub(super) struct Held {
    disk: OnDisk,
    /// Dropped after the lock on the disk.
    _here: Box<dyn Guard>,
}

#[derive(Debug)]
pub(super) enum OnDisk {
    File(Arc<LockFile>),
    /// A termination is short, and nobody can ask for its end.
    Data(#[expect(dead_code, reason = "it ends when it is dropped")] DataLock),
}

impl Held {
    pub(super) const fn new(disk: OnDisk, here: Box<dyn Guard>) -> Self {
        Self { disk, _here: here }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let OnDisk::File(file) = &self.disk {
            file.release();
        }
    }
}

/// A held lock that is watched.
#[derive(Debug)]
pub(super) struct FileGuard {
    shared: Arc<Shared>,
    /// `None` once the guard is released.
    held: Option<Held>,
    watched: Option<Watched>,
}

impl FileGuard {
    /// Fires `interrupt` when another process waits for the lock.
    pub(super) fn new(
        held: Held,
        shared: &Arc<Shared>,
        interrupt: Interrupt,
        interval: Duration,
    ) -> Self {
        let watched = match &held.disk {
            OnDisk::File(file) => Some(Watched::new(shared, file, interrupt, interval)),
            OnDisk::Data(_) => None,
        };
        Self {
            shared: Arc::clone(shared),
            held: Some(held),
            watched,
        }
    }

    fn end(&mut self) -> Option<Held> {
        drop(self.watched.take());
        self.held.take()
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
        let _ = self.shared.steps.short(release).await;
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
