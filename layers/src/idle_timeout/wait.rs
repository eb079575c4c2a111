use std::time::Duration;

use tokio::time::Instant;

/// In how many ticks a timeout passes.
const TICKS: u32 = 16;

/// One wait for the next frame of a body.
///
/// A reader that has found nothing may wait here or do something else first,
/// such as to write what it has; a body cannot see which. So the clock ticks: who
/// waits here polls at each tick, and two polls that are further apart than two
/// ticks have something else between them, which does not count.
#[derive(Debug)]
pub(super) struct Wait {
    polled: Instant,
    tick: Duration,
    left: Duration,
}

impl Wait {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            polled: Instant::now(),
            // No clock ticks faster than tokio's.
            tick: (timeout / TICKS).max(Duration::from_millis(1)),
            left: timeout,
        }
    }

    /// When the reader came last.
    pub(super) const fn polled(&self) -> Instant {
        self.polled
    }

    /// How long until the reader has to come again, unless time is up.
    pub(super) fn next_tick(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let gap = now - self.polled;
        self.polled = now;
        // The second tick is for a scheduler that is busy.
        if gap <= 2 * self.tick {
            self.left = self.left.saturating_sub(gap);
        }
        (!self.left.is_zero()).then_some(self.tick.min(self.left))
    }
}
