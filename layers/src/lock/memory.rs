use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};

/// Locks uploads within one process.
///
/// Requests get a lock in the order in which they arrive, and are interrupted
/// at once if others wait behind them. Clones share the same locks.
///
/// ```
/// use std::time::Duration;
/// use tower_tus_layers::lock::{Locker, MemoryLocker};
/// use tower_tus_layers::protocol::{Interrupt, UploadId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_tus_layers::protocol::Error> {
/// let locker = MemoryLocker::default();
/// let id = UploadId::random();
/// let guard = locker.acquire(&id, Interrupt::default(), Duration::from_secs(20)).await?;
/// guard.release().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryLocker(Arc<Mutex<HashMap<UploadId, Held>>>);

struct Held {
    holder: Interrupt,
    waiting: VecDeque<Waiter>,
}

impl Held {
    const fn by(holder: Interrupt) -> Self {
        Self {
            holder,
            waiting: VecDeque::new(),
        }
    }
}

struct Waiter {
    interrupt: Interrupt,
    grant: oneshot::Sender<MemoryGuard>,
}

impl MemoryLocker {
    fn held(&self) -> MutexGuard<'_, HashMap<UploadId, Held>> {
        // A panic under the mutex cannot leave the map in an inconsistent
        // state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many locks are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held().len()
    }

    fn guard(&self, id: &UploadId) -> MemoryGuard {
        MemoryGuard {
            locker: self.clone(),
            id: id.clone(),
        }
    }

    /// Takes the lock if it is free.
    fn take(&self, id: &UploadId, interrupt: Interrupt) -> Option<MemoryGuard> {
        let mut held = self.held();
        if held.contains_key(id) {
            return None;
        }
        held.insert(id.clone(), Held::by(interrupt));
        Some(self.guard(id))
    }

    /// Takes the lock, or queues for it.
    fn request(&self, id: &UploadId, interrupt: Interrupt) -> Result<MemoryGuard, Place> {
        let mut held = self.held();
        let Some(lock) = held.get_mut(id) else {
            held.insert(id.clone(), Held::by(interrupt));
            return Ok(self.guard(id));
        };
        let (grant, granted) = oneshot::channel();
        lock.waiting.push_back(Waiter { interrupt, grant });
        lock.holder.fire(Error::Interrupted);
        Err(granted)
    }

    /// Hands the lock to the first request that still waits.
    fn hand_over(&self, id: &UploadId) {
        let mut held = self.held();
        let Some(lock) = held.get_mut(id) else { return };
        lock.waiting.retain(|waiter| !waiter.grant.is_closed());
        let Some(next) = lock.waiting.pop_front() else {
            held.remove(id);
            return;
        };
        if !lock.waiting.is_empty() {
            next.interrupt.fire(Error::Interrupted);
        }
        lock.holder = next.interrupt;
        drop(held);
        // If the receiver has just stopped waiting, the guard is dropped, which
        // calls this method again.
        drop(next.grant.send(self.guard(id)));
    }
}

type Place = oneshot::Receiver<MemoryGuard>;

#[async_trait]
impl Locker for MemoryLocker {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let place = match self.request(id, interrupt) {
            Ok(guard) => return Ok(Box::new(guard)),
            Err(place) => place,
        };
        // A guard that arrives just as the time runs out is dropped together
        // with the receiver, which hands the lock on.
        match tokio::time::timeout(timeout, place).await {
            Ok(Ok(guard)) => Ok(Box::new(guard)),
            Ok(Err(gone)) => Err(Error::internal(gone)),
            Err(_) => Err(Error::LockTimeout),
        }
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        let guard = self.take(id, interrupt);
        Ok(guard.map(|guard| Box::new(guard) as Box<dyn Guard>))
    }

    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        Ok(self.held().contains_key(id))
    }
}

impl fmt::Debug for MemoryLocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held();
        f.debug_struct("MemoryLocker")
            .field("held", &held.len())
            .finish()
    }
}

#[derive(Debug)]
struct MemoryGuard {
    locker: MemoryLocker,
    id: UploadId,
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        self.locker.hand_over(&self.id);
    }
}

#[async_trait]
impl Guard for MemoryGuard {
    async fn release(self: Box<Self>) {
        drop(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_passes_the_conformance_suite() {
        let locker = MemoryLocker::default();
        super::super::conformance::run(locker.clone()).await;
        assert!(locker.held().is_empty(), "a free lock uses no memory");
    }
}
