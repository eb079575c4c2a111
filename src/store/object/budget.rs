//! Memory for the bytes that are on their way to the object store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What one permit stands for, in bytes.
const UNIT: u64 = 4 << 10;

/// How long a request waits for memory before it writes what it holds.
const PATIENCE: Duration = Duration::from_secs(1);

/// A limit on the memory of all requests together.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    /// In units, for what is larger than all of it.
    whole: u32,
}

/// Memory that a request may use until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Room {
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// Creates a budget of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let whole = units(bytes).max(1);
        Self {
            units: Arc::new(Semaphore::new(whole as usize)),
            whole,
        }
    }

    /// Waits until there is memory for so many bytes. The caller holds none, or
    /// requests could wait for each other.
    pub(super) async fn take(&self, bytes: u64) -> Room {
        let units = units(bytes).min(self.whole);
        let permit = Arc::clone(&self.units).acquire_many_owned(units).await;
        Room {
            permit: permit.ok(),
        }
    }

    /// Makes `room` one for so many bytes, if there is memory soon. If not, the caller
    /// writes what it holds.
    pub(super) async fn extend(&self, room: &mut Room, bytes: u64) -> Result<(), NoRoom> {
        let more = units(bytes).min(self.whole).saturating_sub(room.units());
        if more == 0 {
            return Ok(());
        }
        let permit = Arc::clone(&self.units).acquire_many_owned(more);
        match timeout(PATIENCE, permit).await {
            Ok(Ok(permit)) => room.merge(permit),
            Ok(Err(_)) | Err(_) => return Err(NoRoom),
        }
        Ok(())
    }

    /// Returns how much memory is free, in bytes.
    pub(super) fn free(&self) -> u64 {
        self.units.available_permits() as u64 * UNIT
    }
}

/// There was no memory for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Room {
    fn units(&self) -> u32 {
        let permit = self.permit.as_ref();
        permit.map_or(0, |permit| {
            u32::try_from(permit.num_permits()).unwrap_or(u32::MAX)
        })
    }

    fn merge(&mut self, permit: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
    }

    /// Splits off what so many bytes need.
    pub(super) fn split(&mut self, bytes: u64) -> Self {
        let units = units(bytes).min(self.units()) as usize;
        let permit = self.permit.as_mut().and_then(|permit| permit.split(units));
        Self { permit }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_given_back() {
        let budget = Budget::new(16 * UNIT);
        let mut room = budget.take(4 * UNIT).await;
        budget.extend(&mut room, 10 * UNIT).await.unwrap();
        assert_eq!(budget.free(), 6 * UNIT);
        let part = room.split(8 * UNIT);
        drop(room);
        assert_eq!(budget.free(), 8 * UNIT);
        drop(part);
        assert_eq!(budget.free(), 16 * UNIT);
    }

    #[tokio::test]
    async fn what_is_larger_than_the_budget_gets_all_of_it() {
        let budget = Budget::new(2 * UNIT);
        let room = budget.take(100 * UNIT).await;
        assert_eq!(budget.free(), 0);
        drop(room);
        assert_eq!(budget.free(), 2 * UNIT);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_more() {
        let budget = Budget::new(2 * UNIT);
        let mut one = budget.take(UNIT).await;
        let _other = budget.take(UNIT).await;
        assert_eq!(budget.extend(&mut one, 2 * UNIT).await, Err(NoRoom));
        assert_eq!(one.units(), 1);
    }
}
