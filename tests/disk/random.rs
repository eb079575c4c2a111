//! Random numbers, from a seed that a failing test prints.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;

/// A generator of random numbers (xorshift64*).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Returns a generator with a seed that is different each time.
    pub(crate) fn new() -> Self {
        Self::from(RandomState::new().hash_one(0))
    }

    pub(crate) fn from(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Returns an independent generator.
    pub(crate) fn split(&mut self) -> Self {
        Self::from(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() >> 33) as usize % (range.end - range.start)
    }

    /// Returns true once in `times` times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.within(0..times) == 0
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.within(0..all.len())])
    }
}
