//! Flow-control windows: how much of request bodies may arrive before it is read.
//!
//! Bytes in a window stay in memory until they are read, and a request that waits
//! for a hook reads nothing for seconds. So windows are small at first. A connection
//! whose bodies are read gets a large window, which a connection with a long round
//! trip needs for its speed. A connection with waiting bodies gets as many bytes more
//! as those may hold, so that its other bodies go on. Both come from one budget for
//! all connections; when it is spent, windows are small.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use h2::server::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::request::Bodies;
use crate::net::listener::Io;
use crate::net::send_queue::QueuedBytes;

/// The window of a stream, in bytes, unless its connection has a large one.
pub(super) const STREAM: u32 = 128 << 10;

/// The window of a connection without a share of the budget.
pub(super) const CONNECTION: u32 = 512 << 10;

/// Large windows, for a connection and each of its streams: as large as TCP's for
/// an upload over HTTP/1.1 (40 MB/s at 100 ms), or a quarter if that is spent.
const LARGE: [u32; 2] = [4 << 20, 1 << 20];

/// Bytes that large windows and waiting bodies may add to small windows.
const BUDGET: usize = 64 << 20;

/// How long a body may wait before its connection loses the large window.
const WAIT: Duration = Duration::from_millis(100);

/// How long a connection keeps an unused large window for the next request.
const UNUSED: Duration = Duration::from_secs(2);

/// Pause before another try if the client has not acknowledged the last window, or
/// the budget is spent.
const AGAIN: Duration = Duration::from_millis(100);

/// How long a client may go on using its previous window.
const LATE: Duration = Duration::from_secs(1);

/// The budget that the connections of a server share.
#[derive(Clone, Debug)]
pub(crate) struct WindowBudget(Arc<Semaphore>);

impl Default for WindowBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET)))
    }
}

impl WindowBudget {
    fn take(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

/// The windows of one connection.
#[derive(Debug)]
pub(super) struct Windows {
    budget: WindowBudget,
    large: Option<OwnedSemaphorePermit>,
    /// Shares of the budget for waiting bodies, one each.
    held: Vec<OwnedSemaphorePermit>,
    /// The windows that the client knows, or will know.
    told: Told,
    /// A larger stream window that it may still use, and until when.
    before: Option<(u32, Instant)>,
    /// When the windows must be checked even if nothing changes.
    deadline: Option<Instant>,
    /// Since when bodies wait or the large window is unused.
    since: Option<(Cause, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    stream: u32,
    connection: u32,
}

/// Why a large window shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Waiting,
    Unused,
}

impl Windows {
    pub(super) const fn new(budget: WindowBudget) -> Self {
        Self {
            budget,
            large: None,
            held: Vec::new(),
            told: Told {
                stream: STREAM,
                connection: CONNECTION,
            },
            before: None,
            deadline: None,
            since: None,
        }
    }

    /// Waits until the windows may have to change. Cancel safe.
    pub(super) async fn due(&self, bodies: &Bodies) {
        let late = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = bodies.changed() => {}
            () = late => {}
        }
    }

    /// Adapts the windows to the bodies that are read and that wait.
    pub(super) fn adapt<IO: Io>(
        &mut self,
        bodies: &Bodies,
        connection: &mut Connection<IO, QueuedBytes>,
    ) {
        let wanted = self.wanted(bodies);
        if wanted.connection != self.told.connection {
            connection.set_target_window_size(wanted.connection);
            self.told.connection = wanted.connection;
        }
        if wanted.stream == self.told.stream {
            return;
        }
        match connection.set_initial_window_size(wanted.stream) {
            Ok(()) => self.tell(wanted.stream),
            Err(_) => self.deadline = Some(Instant::now() + AGAIN),
        }
    }

    fn tell(&mut self, stream: u32) {
        if stream < self.told.stream {
            self.before = Some((self.told.stream, Instant::now() + LATE));
        }
        self.told.stream = stream;
    }

    /// The largest stream window that the client may use.
    fn known(&self) -> u32 {
        match self.before {
            Some((before, until)) if until > Instant::now() => before.max(self.told.stream),
            _ => self.told.stream,
        }
    }

    fn wanted(&mut self, bodies: &Bodies) -> Told {
        let count = bodies.count();
        self.deadline = None;
        let cause = match () {
            () if count.unread > 0 => Some(Cause::Waiting),
            () if count.reading == 0 => Some(Cause::Unused),
            () => None,
        };
        match cause {
            Some(cause) if self.large.is_some() => self.shrink_in_time(cause),
            Some(_) => {}
            None => {
                self.since = None;
                if self.large.is_none() && count.is_busy() {
                    self.large = LARGE.iter().find_map(|&size| self.budget.take(size));
                    // Nothing notifies this connection when others return theirs.
                    self.deadline = self.large.is_none().then(|| Instant::now() + AGAIN);
                }
            }
        }
        // A waiting body may have filled its window.
        self.hold(count.unread, self.known());
        let held: usize = self
            .held
            .iter()
            .map(OwnedSemaphorePermit::num_permits)
            .sum();
        let large = self.large.as_ref().map(OwnedSemaphorePermit::num_permits);
        let large = large.map(|size| u32::try_from(size).expect("it was one of LARGE"));
        let held = u32::try_from(held).expect("it is within the budget");
        Told {
            stream: large.unwrap_or(STREAM),
            connection: large.unwrap_or(CONNECTION).max(CONNECTION) + held,
        }
    }

    fn shrink_in_time(&mut self, cause: Cause) {
        let since = match self.since {
            Some((same, since)) if same == cause => since,
            _ => Instant::now(),
        };
        self.since = Some((cause, since));
        let limit = match cause {
            Cause::Waiting => WAIT,
            Cause::Unused => UNUSED,
        };
        if since + limit <= Instant::now() {
            self.large = None;
            self.since = None;
        } else {
            self.deadline = Some(since + limit);
        }
    }

    /// Takes a share for each waiting body, while the budget lasts.
    fn hold(&mut self, waiting: u32, share: u32) {
        if waiting == 0 {
            self.held.clear();
        }
        while self.held.len() < waiting as usize {
            let Some(permit) = self.budget.take(share) else {
                return;
            };
            self.held.push(permit);
        }
    }
}

#[cfg(test)]
mod tests;
