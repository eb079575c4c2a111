use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use crate::protocol::{Clock, UploadId};

/// Time until an upload is asked for again after its first failure. It doubles with each
/// further one.
const FIRST: Duration = Duration::from_secs(1);

/// Maximum time between two attempts.
const MOST: Duration = Duration::from_secs(10 * 60);

/// Maximum number of uploads that are remembered. Others are asked for in each pass.
const CAPACITY: usize = 10_000;

/// When to ask again for uploads that could not be finished. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct BackOff(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waits: Mutex<HashMap<UploadId, Wait>>,
    /// Wakes those who wait for a [beginning](BackOff::begun).
    begun: Notify,
}

#[derive(Clone, Copy)]
struct Wait {
    until: SystemTime,
    time: Duration,
}

impl Wait {
    /// Returns the time that is left. A clock that was set back does not prolong it.
    fn left(&self, now: SystemTime) -> Duration {
        let left = self.until.duration_since(now).unwrap_or_default();
        if left > self.time {
            return Duration::ZERO;
        }
        left
    }
}

impl BackOff {
    /// Returns whether the wait of the upload is over.
    pub(super) fn is_over(&self, id: &UploadId, clock: &Clock) -> bool {
        let now = clock.now();
        self.waits()
            .get(id)
            .is_none_or(|wait| wait.left(now).is_zero())
    }

    /// Makes the upload wait, unless it does already.
    pub(super) fn begin(&self, id: &UploadId, clock: &Clock) {
        let mut waits = self.waits();
        if !waits.contains_key(id) {
            lengthen(&mut waits, id, clock.now());
            self.0.begun.notify_one();
        }
    }

    /// Waits until an upload [begins](Self::begin) to wait, or has begun since this was
    /// called last.
    pub(super) async fn begun(&self) {
        self.0.begun.notified().await;
    }

    /// Makes the upload wait longer than the last time.
    pub(super) fn prolong(&self, id: &UploadId, clock: &Clock) {
        lengthen(&mut self.waits(), id, clock.now());
    }

    /// Forgets an upload that needs no further attempt.
    pub(super) fn forget(&self, id: &UploadId) {
        self.waits().remove(id);
    }

    /// Returns the uploads whose wait is over.
    pub(super) fn over(&self, clock: &Clock) -> Vec<UploadId> {
        let now = clock.now();
        let waits = self.waits();
        let over = waits.iter().filter(|(_, wait)| wait.left(now).is_zero());
        over.map(|(id, _)| id.clone()).collect()
    }

    /// Returns the time until the next upload may be asked for, if one waits.
    pub(super) fn next(&self, clock: &Clock) -> Option<Duration> {
        let now = clock.now();
        self.waits().values().map(|wait| wait.left(now)).min()
    }

    fn waits(&self) -> MutexGuard<'_, HashMap<UploadId, Wait>> {
        // A panic under the mutex cannot leave the map inconsistent.
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waits().len()
    }
}

/// Sets the first or the next wait of an upload, which begins now.
fn lengthen(waits: &mut HashMap<UploadId, Wait>, id: &UploadId, now: SystemTime) {
    let time = match waits.get(id) {
        Some(wait) => (wait.time * 2).min(MOST),
        None if waits.len() >= CAPACITY => return,
        None => FIRST,
    };
    // Where the time ends, there is nothing to wait for.
    let until = now.checked_add(time).unwrap_or(now);
    waits.insert(id.clone(), Wait { until, time });
}

impl fmt::Debug for BackOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackOff({})", self.waits().len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt;

    use super::*;

    /// A clock, and the seconds that it shows.
    fn clock() -> (Clock, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        let shown = Arc::clone(&seconds);
        let now =
            move || SystemTime::UNIX_EPOCH + Duration::from_secs(shown.load(Ordering::Relaxed));
        (Clock::from_fn(now), seconds)
    }

    #[test]
    fn the_time_between_attempts_doubles_up_to_ten_minutes() {
        let (clock, seconds) = clock();
        let (back_off, id) = (BackOff::default(), UploadId::random());
        assert!(back_off.is_over(&id, &clock));
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
            back_off.prolong(&id, &clock);
            assert_eq!(back_off.next(&clock), Some(Duration::from_secs(expected)));
            seconds.fetch_add(expected - 1, Ordering::Relaxed);
            assert!(!back_off.is_over(&id, &clock), "{expected}");
            assert!(back_off.over(&clock).is_empty());
            seconds.fetch_add(1, Ordering::Relaxed);
            assert!(back_off.is_over(&id, &clock), "{expected}");
            assert_eq!(back_off.over(&clock), std::slice::from_ref(&id));
        }
        back_off.forget(&id);
        assert_eq!((back_off.len(), back_off.next(&clock)), (0, None));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let (clock, seconds) = clock();
        let (back_off, id) = (BackOff::default(), UploadId::random());
        back_off.prolong(&id, &clock);
        seconds.store(0, Ordering::Relaxed);
        assert!(back_off.is_over(&id, &clock));
    }

    #[test]
    fn an_upload_that_waits_does_not_begin_again() {
        let (clock, seconds) = clock();
        let (back_off, id) = (BackOff::default(), UploadId::random());
        back_off.begin(&id, &clock);
        assert_eq!(back_off.next(&clock), Some(Duration::from_secs(1)));
        back_off.prolong(&id, &clock);
        seconds.fetch_add(1, Ordering::Relaxed);
        back_off.begin(&id, &clock);
        assert_eq!(back_off.next(&clock), Some(Duration::from_secs(1)));
        back_off.prolong(&id, &clock);
        assert_eq!(back_off.next(&clock), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_beginning_wakes_even_if_nobody_was_waiting_for_it() {
        let (clock, _) = clock();
        let back_off = BackOff::default();
        back_off.begin(&UploadId::random(), &clock);
        assert!(back_off.begun().now_or_never().is_some());
        assert!(back_off.begun().now_or_never().is_none());
    }

    #[test]
    fn a_limited_number_of_uploads_is_remembered() {
        let (clock, _) = clock();
        let back_off = BackOff::default();
        for _ in 0..CAPACITY + 10 {
            back_off.prolong(&UploadId::random(), &clock);
            back_off.begin(&UploadId::random(), &clock);
        }
        assert_eq!(back_off.len(), CAPACITY);
    }
}
