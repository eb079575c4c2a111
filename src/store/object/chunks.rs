//! Memory that is used again.
//!
//! The system's allocator would spread pieces of this size, which live for different
//! times, over several times the memory that they need.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::STEP;

const SIZE: usize = STEP as usize;

/// How many pieces are kept when none is used.
const KEPT: usize = 16;

/// Pieces of memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks(Arc<Mutex<Pieces>>);

#[derive(Debug, Default)]
struct Pieces {
    free: Vec<Vec<u8>>,
    used: usize,
}

/// A piece of memory, which goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    home: Chunks,
}

impl Chunks {
    /// Takes an empty piece.
    pub(super) fn take(&self) -> Chunk {
        let mut pieces = self.pieces();
        pieces.used += 1;
        let free = pieces.free.pop();
        Chunk {
            bytes: free.unwrap_or_else(|| Vec::with_capacity(SIZE)),
            home: self.clone(),
        }
    }

    /// Gives free pieces of so many bytes back to the system.
    pub(super) fn shed(&self, bytes: u64) {
        let mut pieces = self.pieces();
        let left = pieces.free.len().saturating_sub((bytes / STEP) as usize);
        pieces.free.truncate(left);
    }

    fn put_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut pieces = self.pieces();
        pieces.free.push(bytes);
        pieces.used -= 1;
        if pieces.used == 0 {
            pieces.free.truncate(KEPT);
        }
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        // No step panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    /// Copies as many bytes as fit, and returns the others.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(SIZE - self.bytes.len()));
        self.bytes.extend_from_slice(now);
        later
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() == SIZE
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.home.put_back(mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_little_is_kept_when_none_is_used() {
        let chunks = Chunks::default();
        let mut chunk = chunks.take();
        assert_eq!(chunk.fill(&[1; SIZE + 3]), [1; 3]);
        assert!(chunk.is_full());
        let place = chunk.as_ref().as_ptr();
        drop(chunk);
        let again = chunks.take();
        assert_eq!((again.as_ref().as_ptr(), again.as_ref().len()), (place, 0));

        let many: Vec<_> = (0..2 * KEPT).map(|_| chunks.take()).collect();
        drop(many);
        assert_eq!(chunks.pieces().free.len(), 2 * KEPT, "one is still used");
        chunks.shed(3 * STEP + 1);
        assert_eq!(chunks.pieces().free.len(), 2 * KEPT - 3);
        drop(again);
        assert_eq!(chunks.pieces().free.len(), KEPT);
    }
}
