//! The memory for bytes on their way, shared by all uploads of a process.
//!
//! A request that waits for memory holds none. One that holds memory while its client sends
//! nothing gives it back when another one waits. So no request waits forever.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::chunks::{Chunk, Chunks};
use super::shown::Shown;

/// How many requests can borrow as much as they may at the same time.
const SHARES: u64 = 8;

/// The unit of loans in bytes.
pub(super) const STEP: u64 = 256 << 10;

#[derive(Clone, Debug)]
pub(super) struct Budget {
    steps: Arc<Semaphore>,
    total: u32,
    waiting: Arc<watch::Sender<usize>>,
    chunks: Chunks,
    shown: Shown,
}

/// Memory that was lent. Dropping it gives the memory back.
#[derive(Debug, Default)]
pub(super) struct Loan {
    permit: Option<OwnedSemaphorePermit>,
    bytes: u64,
    chunks: Chunks,
    shown: Shown,
}

impl Budget {
    /// Creates a budget of this many bytes, and at least one [`STEP`].
    pub(super) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / STEP).unwrap_or(u32::MAX).max(1);
        Self {
            steps: Arc::new(Semaphore::new(total as usize)),
            total,
            waiting: Arc::new(watch::Sender::new(0)),
            chunks: Chunks::default(),
            shown: Shown::default(),
        }
    }

    /// Shows it in metrics.
    #[cfg(feature = "metrics")]
    pub(super) fn metrics(mut self, prefix: &str) -> Self {
        self.shown = Shown::new(prefix, u64::from(self.total) * STEP);
        self
    }

    /// Lends memory if there is enough, and nobody waits for it.
    pub(super) fn try_lend(&self, bytes: u64) -> Option<Loan> {
        let permit = Arc::clone(&self.steps).try_acquire_many_owned(self.steps_of(bytes));
        permit.ok().map(|permit| self.loan(permit, bytes))
    }

    /// Lends memory as soon as there is enough: all of it if there is never enough.
    /// Never returns if the caller holds it already.
    pub(super) async fn lend(&self, bytes: u64) -> Loan {
        let waiting = Waiting::new(self);
        let permit = Arc::clone(&self.steps).acquire_many_owned(self.steps_of(bytes));
        let permit = permit.await.expect("the semaphore is never closed");
        drop(waiting);
        self.loan(permit, bytes)
    }

    fn loan(&self, permit: OwnedSemaphorePermit, bytes: u64) -> Loan {
        self.shown.lent(size(&permit));
        Loan {
            permit: Some(permit),
            bytes,
            chunks: self.chunks.clone(),
            shown: self.shown.clone(),
        }
    }

    /// Waits until somebody waits for memory.
    pub(super) async fn contested(&self) {
        let mut waiting = self.waiting.subscribe();
        let contested = waiting.wait_for(|&waiting| waiting > 0).await;
        drop(contested.expect("the sender lives as long as the budget"));
    }

    fn count(&self, change: impl FnOnce(usize) -> usize) {
        self.waiting.send_modify(|waiting| {
            *waiting = change(*waiting);
            self.shown.waiting(*waiting);
        });
    }

    /// Returns how many bytes one request borrows at once at most.
    pub(super) fn share(&self) -> u64 {
        (u64::from(self.total) * STEP / SHARES).max(STEP)
    }

    fn steps_of(&self, bytes: u64) -> u32 {
        let steps = u32::try_from(bytes.div_ceil(STEP)).unwrap_or(u32::MAX);
        steps.min(self.total)
    }
}

impl Loan {
    /// The memory of bytes that are there already, whatever the budget is.
    pub(super) fn of_bytes_in_hand(bytes: u64) -> Self {
        Self {
            permit: None,
            bytes,
            chunks: Chunks::default(),
            shown: Shown::default(),
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes room for bytes that come in memory of their own.
    pub(super) fn shed_chunks(&self) {
        self.chunks.shed(self.bytes);
    }

    /// Returns memory for [`STEP`] of its bytes.
    pub(super) fn chunk(&self) -> Chunk {
        self.chunks.take()
    }

    pub(super) fn add(&mut self, mut more: Self) {
        self.bytes += more.bytes;
        match (&mut self.permit, more.permit.take()) {
            (Some(permit), Some(more)) => permit.merge(more),
            (None, permit) => {
                self.permit = permit;
                self.chunks = more.chunks.clone();
                self.shown = more.shown.clone();
            }
            (Some(_), None) => {}
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.shown.returned(self.permit.as_ref().map_or(0, size));
    }
}

fn size(permit: &OwnedSemaphorePermit) -> u64 {
    permit.num_permits() as u64 * STEP
}

/// Counts one who waits, for as long as it lives.
struct Waiting<'a>(&'a Budget);

impl<'a> Waiting<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.count(|waiting| waiting + 1);
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.count(|waiting| waiting - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_lent_again_when_it_comes_back() {
        let budget = Budget::new(4 * STEP);
        let mut held = budget.try_lend(3 * STEP).unwrap();
        assert!(budget.try_lend(2 * STEP).is_none());
        held.add(budget.try_lend(1).unwrap());
        assert_eq!(held.bytes(), 3 * STEP + 1);

        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.lend(100 * STEP).await.bytes() }
        });
        budget.contested().await;
        drop(held);
        assert_eq!(waiting.await.unwrap(), 100 * STEP);
        assert!(budget.try_lend(4 * STEP).is_some());
    }
}
