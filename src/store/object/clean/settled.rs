//! States that need no second look.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::store::object::objects::Listed;

/// How many states are remembered: 16 bytes each.
const MOST: usize = 1 << 20;
/// A list may tell the time in seconds, and clocks differ. So what has just changed may
/// change again without being seen.
const SETTLED: Duration = Duration::from_secs(60 * 60);

/// The `.info`s of whole uploads, as a list has told of them. One whose size and time
/// are still the same is not read again: a termination changes both.
#[derive(Debug, Default)]
pub(super) struct Settled {
    hashes: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Settled {
    pub(super) fn contains(&self, info: &Listed) -> bool {
        let hash = self.hash(info);
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.contains(&hash)
    }

    /// Remembers a state that was found whole, with its object.
    pub(super) fn add(&self, info: &Listed, now: SystemTime) {
        let age = info.modified.and_then(|at| now.duration_since(at).ok());
        if age.is_none_or(|age| age < SETTLED) {
            return;
        }
        let hash = self.hash(info);
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() < MOST {
            hashes.insert(hash);
        }
    }

    fn hash(&self, info: &Listed) -> u64 {
        self.hasher.hash_one((&info.key, info.size, info.modified))
    }
}
