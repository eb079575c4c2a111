use bytes::Bytes;

use crate::store::object::budget::Loan;
use crate::store::object::chunks::Chunk;

/// Bytes in memory that was lent for them.
///
/// They are copies. A piece as it came may be a small part of a large buffer of its
/// connection, all of which it would keep.
#[derive(Debug, Default)]
pub(in super::super) struct Buffer {
    pieces: Vec<Bytes>,
    /// The last piece, which may grow.
    open: Option<Chunk>,
    len: u64,
    loan: Loan,
}

impl Buffer {
    /// Returns the bytes. What follows begins another piece.
    pub(in super::super) fn pieces(&mut self) -> &[Bytes] {
        self.close();
        &self.pieces
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes fit into the memory that was lent.
    pub(super) const fn room(&self) -> u64 {
        self.loan.bytes().saturating_sub(self.len)
    }

    pub(super) fn grow(&mut self, loan: Loan) {
        self.loan.add(loan);
    }

    /// Adds bytes, for which there has to be room.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            let open = self.open.get_or_insert_with(|| self.loan.chunk());
            bytes = open.fill(bytes);
            if open.is_full() {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.pieces.push(Bytes::from_owner(open));
        }
    }

    /// Takes everything out, with its memory.
    pub(super) fn take(&mut self) -> (Vec<Bytes>, Loan) {
        self.close();
        let taken = std::mem::take(self);
        (taken.pieces, taken.loan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::object::budget::{Budget, STEP};

    #[test]
    fn bytes_are_copied_into_pieces_of_their_own() {
        let budget = Budget::new(4 * STEP);
        let mut buffer = Buffer::default();
        buffer.grow(budget.try_lend(2 * STEP + 5).unwrap());
        let all: Vec<u8> = (0..2 * STEP + 5).map(|at| at.to_le_bytes()[0]).collect();
        for frame in all.chunks(70_000) {
            buffer.push(frame);
        }
        assert_eq!((buffer.len(), buffer.room()), (2 * STEP + 5, 0));
        let sizes: Vec<_> = buffer.pieces().iter().map(Bytes::len).collect();
        assert_eq!(sizes.len(), 3, "{sizes:?}");
        let (pieces, loan) = buffer.take();
        assert!(pieces.concat() == all);
        assert_eq!(loan.bytes(), 2 * STEP + 5);
        assert!(buffer.pieces().is_empty());
    }
}
