//! The limit on open connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Minimum time between two warnings that the limit is reached.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Slots for connections.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    warned: Mutex<Option<Instant>>,
}

/// A slot for one connection, free again when this is dropped.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            warned: Mutex::default(),
        }
    }

    pub(crate) fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Waits for a free slot. Cancel safe.
    pub(crate) async fn next(&self) -> Slot {
        if self.free.available_permits() == 0 {
            self.warn();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        Slot {
            _permit: permit.expect("it is never closed"),
        }
    }

    fn warn(&self) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!("the maximum number of connections is reached, new ones wait");
        }
    }
}
