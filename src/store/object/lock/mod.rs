//! Locks of uploads in a bucket, for all servers that share it.
//!
//! The state of an upload is the lock. Nothing is written for a request that is short:
//! of two that meet, the first to replace the state wins. One that takes longer
//! announces itself in the state, and looks there for others that wait. A request that
//! waits in vain takes over by a swap, after which the other one can change nothing.
//!
//! Requests of one process hand the lock over directly.

mod desk;
mod guard;
mod hold;
mod wait;

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tower_tus_layers::lock::{Guard, Locker};
use tower_tus_layers::protocol::{Error, Interrupt, UploadId};

use self::guard::{Held, StoreGuard};
use super::ObjectStore;

pub(super) use self::desk::Desk;
pub(super) use self::hold::Then;

/// How long a request runs before it announces itself, and how often it then looks for
/// others that wait.
const INTERVAL: Duration = Duration::from_millis(300);

/// A locker that keeps its locks in an [`ObjectStore`].
///
/// A clone is the same locker. It must run within a tokio runtime.
///
/// A request that another server waits for should end within 700 ms: then its bytes
/// are stored. After that the other server takes over.
///
/// The upload must exist; otherwise acquiring its lock fails with [`Error::NotFound`].
#[derive(Clone, Debug)]
pub struct StoreLocker {
    store: ObjectStore,
}

impl StoreLocker {
    pub(super) const fn new(store: ObjectStore) -> Self {
        Self { store }
    }

    async fn wait(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Held, Error> {
        let begin = Instant::now();
        let here = self.store.desk.here();
        let here = here.acquire(id, interrupt.clone(), timeout).await?;
        let left = timeout.saturating_sub(begin.elapsed());
        let (keys, info) = wait::until_free(&self.store, id, left).await?;
        Ok(Held::new(&self.store, keys, info, interrupt, here))
    }
}

#[async_trait]
impl Locker for StoreLocker {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let held = self.wait(id, interrupt, timeout).await?;
        Ok(Box::new(StoreGuard::watched(held)))
    }

    async fn observe(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let held = self.wait(id, interrupt, timeout).await?;
        Ok(Box::new(StoreGuard::unwatched(held)))
    }

    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let here = self.store.desk.here();
        here.acquire(id, interrupt, timeout).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        let here = self.store.desk.here();
        let Some(here) = here.try_acquire(id, interrupt.clone()).await? else {
            return Ok(None);
        };
        let Some((keys, info)) = wait::if_free(&self.store, id).await? else {
            return Ok(None);
        };
        let held = Held::new(&self.store, keys, info, interrupt, here);
        Ok(Some(Box::new(StoreGuard::watched(held))))
    }

    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        if self.store.desk.here().is_held(id).await? {
            return Ok(true);
        }
        wait::is_held(&self.store, id).await
    }
}
