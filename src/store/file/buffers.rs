//! Memory for pieces of uploads on their way to clients, which is used again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Size of a buffer in bytes. It is small enough to stay in the cache of a core.
/// Buffers are reused, because new memory costs a page fault for every 4 KiB.
pub(super) const LARGE: usize = 256 << 10;

/// Pieces up to this size get memory of their own.
const SMALL: usize = 16 << 10;

/// Maximum number of buffers that wait for the next piece: 4 MiB.
const SPARE: usize = 16;

/// Buffers that the host has sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Buffers {
    /// Returns memory for up to `length` bytes, at most [`LARGE`].
    pub(super) fn take(&self, length: usize) -> Buffer {
        if length <= SMALL {
            return Buffer {
                bytes: vec![0; length].into(),
                length,
                home: None,
            };
        }
        let spare = self.lock(Vec::pop);
        Buffer {
            bytes: spare.unwrap_or_else(|| vec![0; LARGE].into()),
            length: length.min(LARGE),
            home: Some(self.clone()),
        }
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        self.lock(|spare| {
            if spare.len() < SPARE {
                spare.push(bytes);
            }
        });
    }

    fn lock<T>(&self, change: impl FnOnce(&mut Vec<Box<[u8]>>) -> T) -> T {
        // No change can panic half-way.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Memory for one piece.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    length: usize,
    /// Gets the memory back.
    home: Option<Buffers>,
}

impl Buffer {
    /// The memory to fill.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    /// Returns the first `length` bytes.
    pub(super) fn filled(mut self, length: usize) -> Bytes {
        self.length = length;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &Buffers, length: usize, byte: u8) -> Bytes {
        let mut buffer = buffers.take(length);
        buffer.room().fill(byte);
        buffer.filled(length)
    }

    #[test]
    fn memory_is_used_again_once_the_host_has_dropped_it() {
        let buffers = Buffers::default();
        let one = filled(&buffers, LARGE, 1);
        let at = one.as_ptr();
        let part = one.slice(5..);
        drop(one);
        let other = filled(&buffers, LARGE, 2);
        assert_ne!(other.as_ptr(), at, "a part of it is still to be sent");
        assert!(part.iter().all(|byte| *byte == 1) && part.len() == LARGE - 5);
        drop(part);
        let again = filled(&buffers, SMALL + 1, 3);
        assert_eq!(again.as_ptr(), at);
        assert!(again.iter().all(|byte| *byte == 3) && again.len() == SMALL + 1);
    }

    #[test]
    fn small_pieces_take_no_large_buffers_and_few_buffers_are_kept() {
        let buffers = Buffers::default();
        drop(filled(&buffers, SMALL, 1));
        assert_eq!(buffers.lock(|spare| spare.len()), 0);
        let many: Vec<_> = (0..3 * SPARE).map(|_| filled(&buffers, LARGE, 1)).collect();
        drop(many);
        assert_eq!(buffers.lock(|spare| spare.len()), SPARE);
    }
}
