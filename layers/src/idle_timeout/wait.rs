use std::time::Duration;

use tokio::time::Instant;

/// Number of ticks in a timeout.
const TICKS: u32 = 16;

/// One wait for the next frame of a body.
///
/// A reader without data may wait here, or do something else first, such as
/// write what it has; the body cannot tell which. Therefore the timer ticks: a
/// reader that waits here polls at each tick. If two polls are further apart
/// than two ticks, the reader did something else in between, and that time does
/// not count.
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
            // Tokio's timer has a resolution of one millisecond.
            tick: (timeout / TICKS).max(Duration::from_millis(1)),
            left: timeout,
        }
    }

    /// Returns the time of the last poll.
    pub(super) const fn polled(&self) -> Instant {
        self.polled
    }

    /// Returns the time until the next tick, or `None` when the timeout has
    /// passed.
    pub(super) fn next_tick(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let gap = now - self.polled;
        self.polled = now;
        // The second tick allows for a busy scheduler.
        if gap <= 2 * self.tick {
            self.left = self.left.saturating_sub(gap);
        }
        (!self.left.is_zero()).then_some(self.tick.min(self.left))
    }
}
