use bytes::Bytes;

use crate::store::object::budget::Loan;

/// Bytes in memory, in pieces as they came, with the memory that was lent for them.
#[derive(Debug, Default)]
pub(in super::super) struct Buffer {
    pieces: Vec<Bytes>,
    len: u64,
    loan: Loan,
}

impl Buffer {
    pub(in super::super) fn pieces(&self) -> &[Bytes] {
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

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len() as u64;
        self.pieces.push(bytes);
    }

    /// Takes everything out, with its memory.
    pub(super) fn take(&mut self) -> (Vec<Bytes>, Loan) {
        let taken = std::mem::take(self);
        (taken.pieces, taken.loan)
    }
}
