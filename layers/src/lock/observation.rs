//! HEAD reads an upload, and sometimes has to change it after all.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Guard, Locker, until_ended};
use crate::protocol::{Error, Interrupt, UploadId};

/// A request that observes its upload, and can lock it if it has to change it.
///
/// The layer Lock makes it, and ends it after the response. The layers inside
/// reach it through [`Context::lock_to_change`](crate::context::Context).
#[derive(Debug)]
pub(crate) struct Observation {
    locker: Arc<dyn Locker>,
    id: UploadId,
    interrupt: Interrupt,
    timeout: Duration,
    guard: Mutex<Held>,
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// May let other requests change the upload.
    Place(Box<dyn Guard>),
    Lock(Box<dyn Guard>),
}

impl Observation {
    /// Waits until the upload is free. `interrupt` belongs to the request.
    pub(crate) async fn begin(
        locker: Arc<dyn Locker>,
        id: UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let observing = locker.observe(&id, interrupt.clone(), timeout);
        let place = until_ended(&interrupt, observing).await?;
        Ok(Self {
            locker,
            id,
            interrupt,
            timeout,
            guard: Mutex::new(Held::Place(place)),
        })
    }

    pub(crate) const fn id(&self) -> &UploadId {
        &self.id
    }

    /// Acquires the lock. Returns whether it was acquired just now, so that
    /// what was read before may be outdated.
    pub(crate) async fn lock(&self) -> Result<bool, Error> {
        let mut held = self.guard.lock().await;
        match mem::take(&mut *held) {
            Held::Lock(guard) => {
                *held = Held::Lock(guard);
                return Ok(false);
            }
            // With most lockers it is the lock that is acquired next.
            Held::Place(guard) => guard.release().await,
            Held::Nothing => {}
        }
        let holder = self.interrupt.clone();
        let acquiring = self.locker.acquire(&self.id, holder, self.timeout);
        let guard = until_ended(&self.interrupt, acquiring).await?;
        *held = Held::Lock(guard);
        Ok(true)
    }

    /// Releases what is held.
    pub(crate) async fn end(&self) {
        match mem::take(&mut *self.guard.lock().await) {
            Held::Place(guard) | Held::Lock(guard) => guard.release().await,
            Held::Nothing => {}
        }
    }
}
