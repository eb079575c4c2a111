use std::time::Duration;

use tokio::time::Instant;

/// One wait for the next frame of a body, whose reader is polled at the end of the
/// timeout and once before.
///
/// A reader without data may wait here, or do something else first, such as write
/// what it has; the body cannot tell which. A poll that comes late shows that the
/// reader was elsewhere, and perhaps that nothing has read from the connection
/// meanwhile, so the wait begins anew. When it ends, the client has sent nothing for
/// the whole timeout, and the reader has waited here at least for its last part.
#[derive(Debug)]
pub(super) struct Wait {
    begin: Instant,
    timeout: Duration,
    /// How late a poll may be: the scheduler may be busy.
    slack: Duration,
    /// Whether the reader was here at the poll before the end.
    is_confirmed: bool,
}

impl Wait {
    /// Begins to wait now.
    pub(super) fn new(timeout: Duration) -> Self {
        // Tokio's timer has a resolution of one millisecond.
        let slack = (timeout / 8).max(Duration::from_millis(1));
        Self {
            begin: Instant::now(),
            timeout,
            slack,
            // In so short a time there is no poll before the end.
            is_confirmed: timeout <= slack,
        }
    }

    /// Returns the time from the beginning to the next poll.
    fn due(&self) -> Duration {
        match self.is_confirmed {
            true => self.timeout,
            false => self.timeout - self.slack,
        }
    }

    /// Returns when the reader is to be polled next, or `None` when the timeout has
    /// passed.
    pub(super) fn next_poll(&mut self) -> Option<Instant> {
        match self.begin.elapsed().checked_sub(self.due()) {
            None => {}
            Some(late) if late >= self.slack => *self = Self::new(self.timeout),
            Some(_) if self.is_confirmed => return None,
            Some(_) => self.is_confirmed = true,
        }
        Some(self.begin + self.due())
    }
}
