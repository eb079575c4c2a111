use std::sync::Arc;

use super::options::Mode;
use super::{Fate, Reason, SweepOptions, SweepReport};
use crate::lock::{Guard, Locker};
use crate::protocol::{Clock, Error, Interrupt, Shutdown};
use crate::store::{Cleaner, Leftover, LeftoverRequest, Store};

/// Removes what crashes have left in a store.
///
/// A clone is the same sweeper. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Sweeper {
    store: Arc<dyn Store>,
    locker: Arc<dyn Locker>,
    clock: Clock,
    pub(super) shutdown: Shutdown,
}

impl Sweeper {
    /// Creates a sweeper for this store. The locker has to be the one of the requests
    /// on the same store.
    #[must_use]
    pub fn new(store: impl Store, locker: impl Locker) -> Self {
        Self {
            store: Arc::new(store),
            locker: Arc::new(locker),
            clock: Clock::default(),
            shutdown: Shutdown::default(),
        }
    }

    /// Sets the clock by which the age of a leftover is measured.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the shutdown that ends sweeps, and waits for what is being removed.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Removes the leftovers that `options` select, one after another. In memory there
    /// is never more than a page of them. It needs a tokio runtime, and returns early at
    /// a shutdown.
    ///
    /// Cancel safe: what was removed by then is gone, and the rest stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store has no [`Cleaner`], or the reason why the
    /// leftovers cannot be read. A leftover that cannot be removed does not end the
    /// sweep.
    pub async fn sweep(&self, options: &SweepOptions) -> Result<SweepReport, Error> {
        self.sweep_each(options, |_, _| {}).await
    }

    /// Does the same, and calls `each` with every leftover and what became of it.
    ///
    /// Cancel safe, like [`sweep`](Self::sweep).
    ///
    /// # Errors
    ///
    /// Those of [`sweep`](Self::sweep).
    pub async fn sweep_each(
        &self,
        options: &SweepOptions,
        mut each: impl FnMut(&Leftover, &Fate) + Send,
    ) -> Result<SweepReport, Error> {
        let cleaner = self.cleaner()?;
        let ends = self.shutdown.interrupt();
        let mut report = SweepReport::default();
        let mut request = LeftoverRequest::default();
        loop {
            let page = cleaner.leftovers(&request).await?;
            for leftover in &page.leftovers {
                if ends.cause().is_some() {
                    return Ok(report);
                }
                let fate = self.decide(options, leftover).await;
                report.count(leftover, &fate);
                each(leftover, &fate);
            }
            let Some(next) = page.next else {
                return Ok(report);
            };
            request = request.after(next);
        }
    }

    fn cleaner(&self) -> Result<&dyn Cleaner, Error> {
        self.store.cleaner().ok_or(Error::NotImplemented)
    }

    async fn decide(&self, options: &SweepOptions, leftover: &Leftover) -> Fate {
        if let Some(reason) = options.keeps(leftover, self.clock.now()) {
            return Fate::Kept(reason);
        }
        let fate = match options.mode {
            Mode::Remove => self.clone().remove_to_the_end(leftover.clone()).await,
            Mode::DryRun => self.would_remove(leftover).await,
        };
        match fate {
            Ok(fate) => fate,
            // Somebody else has removed it since it was listed.
            Err(Error::NotFound) => Fate::Kept(Reason::Changed),
            Err(error) => Fate::Failed(error),
        }
    }

    /// Runs in a task of its own: if the sweep is dropped, the lock is held until the
    /// removal has ended.
    async fn remove_to_the_end(self, leftover: Leftover) -> Result<Fate, Error> {
        let task = self.shutdown.task();
        let removal = tokio::spawn(async move {
            let _task = task;
            self.remove(&leftover).await
        });
        removal.await.map_err(Error::internal)?
    }

    async fn remove(&self, leftover: &Leftover) -> Result<Fate, Error> {
        let guard = match &leftover.id {
            Some(id) => {
                let guard = self.locker.try_acquire(id, Interrupt::default()).await?;
                let Some(guard) = guard else {
                    return Ok(Fate::Kept(Reason::Held));
                };
                Some(guard)
            }
            None => None,
        };
        let cleaned = self.cleaner()?.clean(leftover).await;
        release(guard).await;
        Ok(match cleaned? {
            Some(bytes) => Fate::Removed { bytes },
            None => Fate::Kept(Reason::Changed),
        })
    }

    /// Looks without changing anything, not even a lock.
    async fn would_remove(&self, leftover: &Leftover) -> Result<Fate, Error> {
        if let Some(id) = &leftover.id
            && self.locker.is_held(id).await?
        {
            return Ok(Fate::Kept(Reason::Held));
        }
        let bytes = leftover.bytes;
        Ok(Fate::Removed { bytes })
    }
}

async fn release(guard: Option<Box<dyn Guard>>) {
    if let Some(guard) = guard {
        guard.release().await;
    }
}
