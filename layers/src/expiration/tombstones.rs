use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::protocol::UploadId;

/// How many removed uploads are remembered.
const MAX: usize = 10_000;
/// How long each of them is.
const TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The uploads that were removed because they had expired, in memory and within
/// bounds.
#[derive(Debug, Default)]
pub(super) struct Tombstones(Mutex<Removed>);

#[derive(Debug, Default)]
struct Removed {
    /// When each was removed.
    times: HashMap<UploadId, SystemTime>,
    /// In the order of removal. Those that are not in the map were forgotten.
    order: VecDeque<(UploadId, SystemTime)>,
}

impl Tombstones {
    pub(super) fn add(&self, id: &UploadId, now: SystemTime) {
        let mut removed = self.removed();
        removed.times.insert(id.clone(), now);
        removed.order.push_back((id.clone(), now));
        removed.forget(now);
    }

    pub(super) fn has(&self, id: &UploadId, now: SystemTime) -> bool {
        let mut removed = self.removed();
        removed.forget(now);
        removed.times.get(id).is_some_and(|&at| is_known(at, now))
    }

    pub(super) fn remove(&self, id: &UploadId) {
        self.removed().times.remove(id);
    }

    fn removed(&self) -> MutexGuard<'_, Removed> {
        // A panic under the mutex cannot leave the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Removed {
    /// Forgets the oldest: those that are too many, and those whose time is over.
    fn forget(&mut self, now: SystemTime) {
        while let Some((id, at)) = self.order.front()
            && (self.order.len() > MAX || !is_known(*at, now))
        {
            // It may have been removed again since.
            if self.times.get(id) == Some(at) {
                self.times.remove(id);
            }
            self.order.pop_front();
        }
    }
}

/// Whether an upload that was removed then is still remembered. If the clock was set
/// back since, it is.
fn is_known(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).map_or(true, |age| age < TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> UploadId {
        format!("upload-{number}").parse().unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn len(tombstones: &Tombstones) -> (usize, usize) {
        let removed = tombstones.removed();
        (removed.times.len(), removed.order.len())
    }

    #[test]
    fn the_last_ten_thousand_are_known() {
        let tombstones = Tombstones::default();
        for number in 0..=MAX {
            tombstones.add(&id(number), at(0));
        }
        assert!(!tombstones.has(&id(0), at(0)));
        assert!(tombstones.has(&id(1), at(0)) && tombstones.has(&id(MAX), at(0)));
        assert_eq!(len(&tombstones), (MAX, MAX));
    }

    #[test]
    fn each_is_known_for_a_day() {
        let tombstones = Tombstones::default();
        tombstones.add(&id(1), at(0));
        tombstones.add(&id(2), at(60));
        let day = TIME.as_secs();
        assert!(tombstones.has(&id(1), at(day - 1)));
        assert!(!tombstones.has(&id(1), at(day)));
        assert!(tombstones.has(&id(2), at(day)));
        assert_eq!(len(&tombstones), (1, 1));
        assert!(!tombstones.has(&id(2), at(day + 60)));
        assert_eq!(len(&tombstones), (0, 0));
    }

    #[test]
    fn a_clock_that_jumps_keeps_the_bounds() {
        let tombstones = Tombstones::default();
        tombstones.add(&id(1), at(1_000_000));
        tombstones.add(&id(2), at(0));
        for known in [1, 2] {
            assert!(tombstones.has(&id(known), at(0)), "set back: {known}");
        }
        assert!(!tombstones.has(&id(2), at(500_000)), "its own time is over");
        assert!(!tombstones.has(&id(1), at(2_000_000)));
        assert_eq!(len(&tombstones), (0, 0));
        for number in 0..2 * MAX {
            let now = if number % 2 == 0 { u64::MAX >> 2 } else { 0 };
            tombstones.add(&id(number), at(now));
        }
        assert!(len(&tombstones).1 <= MAX);
    }

    #[test]
    fn one_that_is_removed_again_is_known_from_then_on() {
        let tombstones = Tombstones::default();
        let day = TIME.as_secs();
        tombstones.add(&id(1), at(0));
        tombstones.remove(&id(1));
        assert!(!tombstones.has(&id(1), at(0)));
        tombstones.add(&id(1), at(day / 2));
        assert!(tombstones.has(&id(1), at(day)));
        assert_eq!(len(&tombstones), (1, 1));
    }
}
