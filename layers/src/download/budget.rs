//! Limits the downloads at once, and their memory in total.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The default limit on downloads at once.
const MAX_OPEN: usize = 4096;

/// Bytes that every download may hold in memory. Few, since a client that reads
/// nothing holds them until the host drops the connection.
pub(super) const SMALL: u64 = 8 << 10;

/// Maximum size of a piece in bytes. With less, the cost of each read becomes
/// noticeable.
const LARGE: u64 = 256 << 10;

/// Maximum number of bytes in pieces larger than [`SMALL`], for all downloads
/// together.
const GROWN: usize = 16 << 20;

/// The limits that the downloads of one layer share.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    open: Arc<Semaphore>,
    grown: Arc<Semaphore>,
}

impl Budget {
    pub(super) fn new(max_open: usize) -> Self {
        Self {
            open: Arc::new(Semaphore::new(max_open.min(Semaphore::MAX_PERMITS))),
            grown: Arc::new(Semaphore::new(GROWN)),
        }
    }

    /// Counts one more download, or returns `None` at the limit.
    pub(super) fn open(&self) -> Option<Share> {
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        Some(Share {
            grown: Arc::clone(&self.grown),
            taken: Arc::default(),
            _open: open,
        })
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(MAX_OPEN)
    }
}

/// One download's share of the budget, released on drop.
#[derive(Debug)]
pub(super) struct Share {
    grown: Arc<Semaphore>,
    /// Bytes of pieces that the host has dropped.
    taken: Arc<AtomicU64>,
    _open: OwnedSemaphorePermit,
}

impl Share {
    /// Reserves memory for the next piece, which grows as the client reads. Never
    /// waits, since clients that read nothing would block the others.
    pub(super) fn room(&self) -> Room {
        let taken = self.taken.load(Ordering::Relaxed);
        let mut size = (taken / 4).clamp(SMALL, LARGE);
        let mut permit = None;
        while size > SMALL && permit.is_none() {
            let bytes = size.try_into().expect("it is at most LARGE");
            permit = Arc::clone(&self.grown).try_acquire_many_owned(bytes).ok();
            if permit.is_none() {
                size = (size / 2).max(SMALL);
            }
        }
        Room {
            size,
            _permit: permit,
            taken: Arc::clone(&self.taken),
        }
    }
}

/// Memory reserved for the next piece.
#[derive(Debug)]
pub(super) struct Room {
    size: u64,
    _permit: Option<OwnedSemaphorePermit>,
    taken: Arc<AtomicU64>,
}

impl Room {
    /// Returns how many bytes fit, at least one.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the same bytes, which count as taken once the host drops them.
    pub(super) fn fill(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Given { bytes, room: self })
    }
}

/// A piece that the host holds.
struct Given {
    bytes: Bytes,
    room: Room,
}

impl AsRef<[u8]> for Given {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        let bytes = self.bytes.len() as u64;
        self.room.taken.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(share: &Share) -> Bytes {
        let room = share.room();
        let size = usize::try_from(room.size()).unwrap();
        room.fill(vec![0; size].into())
    }

    #[test]
    fn pieces_grow_only_while_they_are_taken() {
        let share = Budget::default().open().unwrap();
        let unread: Vec<_> = (0..100).map(|_| give(&share)).collect();
        assert!(unread.iter().all(|piece| piece.len() as u64 == SMALL));
        drop(unread);
        let mut last = 0;
        for _ in 0..100 {
            let piece = give(&share).len();
            assert!(piece >= last);
            last = piece;
        }
        assert_eq!(last as u64, LARGE);
    }

    #[test]
    fn unread_pieces_hold_no_more_than_the_budget_and_stop_nobody() {
        let budget = Budget::default();
        let shares: Vec<_> = (0..500).map(|_| budget.open().unwrap()).collect();
        let mut unread = Vec::new();
        for share in &shares {
            while share.taken.load(Ordering::Relaxed) < 4 * LARGE {
                drop(give(share));
            }
            unread.push(give(share));
        }
        let held: usize = unread.iter().map(Bytes::len).sum();
        assert!(held <= GROWN + 500 * SMALL as usize, "{held}");
        assert_eq!(give(&shares[0]).len() as u64, SMALL);
        drop(unread);
        assert_eq!(give(&shares[0]).len() as u64, LARGE);
    }

    #[test]
    fn there_are_no_more_downloads_than_may_be() {
        let budget = Budget::new(2);
        let one = budget.open();
        let two = budget.open();
        assert!(one.is_some() && two.is_some() && budget.open().is_none());
        drop(one);
        assert!(budget.open().is_some());
    }
}
