//! How much of the bodies of requests may come before it is read.
//!
//! What a client sends into a window stays in memory until somebody reads it,
//! and a request that waits for a hook reads nothing for seconds. So windows are
//! small at first. A connection whose bodies are read gets a large one, for the
//! speed of a long line; one with bodies that wait gets as much more as those
//! may hold, so that the others go on. Both come from one budget for all
//! connections, and where that is spent there are small windows.

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

/// The window of a connection that has no share of the budget.
pub(super) const CONNECTION: u32 = 512 << 10;

/// Large windows, of a connection and each of its streams: what TCP has for an
/// upload over HTTP/1.1, 40 MB/s at 100 ms, and a quarter where that is spent.
const LARGE: [u32; 2] = [4 << 20, 1 << 20];

/// All that large windows and waiting bodies add to small ones.
const BUDGET: usize = 64 << 20;

/// How long a body may wait before the others on its connection lose the large window.
const WAIT: Duration = Duration::from_millis(100);

/// How long a connection keeps a large window that nobody uses: until the next request.
const UNUSED: Duration = Duration::from_secs(2);

/// How soon to try again when the client has not acknowledged the last window,
/// or there was none to be had.
const AGAIN: Duration = Duration::from_millis(100);

/// How long a client may go on with the window that it had before.
const LATE: Duration = Duration::from_secs(1);

/// What the connections of a server share.
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
    /// What waiting bodies may hold, one share each.
    held: Vec<OwnedSemaphorePermit>,
    /// What the client was told, or will be.
    told: Told,
    /// A larger window of streams that it may still know, and until when.
    before: Option<(u32, Instant)>,
    /// When something has to be done though nothing changes.
    deadline: Option<Instant>,
    /// Since when bodies wait, or the large window is unused.
    since: Option<(Cause, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    stream: u32,
    connection: u32,
}

/// Why a large window is to become small.
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

    /// Makes the windows fit what is read and what waits.
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

    /// The largest window of a stream that the client may know of.
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
                    // What others hold comes back without a word.
                    self.deadline = self.large.is_none().then(|| Instant::now() + AGAIN);
                }
            }
        }
        // A body that waits may have filled its window.
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

    /// Takes a share for each waiting body, as far as the budget goes.
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
mod tests {
    use super::*;
    use tokio::time::advance;

    fn windows() -> (Windows, Bodies) {
        (Windows::new(WindowBudget::default()), Bodies::default())
    }

    /// The windows of a stream and of the connection that fit now.
    fn adapted(windows: &mut Windows, bodies: &Bodies) -> (u32, u32) {
        let wanted = windows.wanted(bodies);
        windows.told.connection = wanted.connection;
        windows.tell(wanted.stream);
        (windows.told.stream, windows.told.connection)
    }

    /// One body of which much has been read.
    fn read_much(bodies: &Bodies) {
        bodies.change(|count| {
            count.reading = 1;
            count.read = 1 << 20;
        });
    }

    const SMALL: (u32, u32) = (STREAM, CONNECTION);

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_bodies_are_read_has_a_large_window_for_so_long() {
        let (mut windows, bodies) = windows();
        assert_eq!(adapted(&mut windows, &bodies), SMALL);
        bodies.change(|count| count.reading = 1);
        assert_eq!(
            adapted(&mut windows, &bodies),
            SMALL,
            "it may be a small one"
        );
        read_much(&bodies);
        assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
        bodies.change(|count| count.reading = 0);
        assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
        windows.due(&bodies).await;
        windows.due(&bodies).await;
        assert_eq!(adapted(&mut windows, &bodies), SMALL, "no request follows");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_waits_makes_windows_small_and_holds_up_nobody() {
        let (mut windows, bodies) = windows();
        read_much(&bodies);
        adapted(&mut windows, &bodies);
        bodies.change(|count| count.unread = 2);
        let held = 2 * (4 << 20);
        assert_eq!(adapted(&mut windows, &bodies), (4 << 20, (4 << 20) + held));
        advance(WAIT).await;
        assert_eq!(adapted(&mut windows, &bodies), (STREAM, CONNECTION + held));
        bodies.change(|count| count.unread = 3);
        let held = held + (4 << 20);
        let small = adapted(&mut windows, &bodies);
        assert_eq!(
            small,
            (STREAM, CONNECTION + held),
            "the client may not know yet"
        );
        advance(LATE).await;
        bodies.change(|count| count.unread = 4);
        let held = held + STREAM;
        assert_eq!(adapted(&mut windows, &bodies), (STREAM, CONNECTION + held));
        bodies.change(|count| count.unread = 0);
        assert_eq!(adapted(&mut windows, &bodies), (4 << 20, 4 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn all_connections_together_hold_no_more_than_the_budget() {
        let budget = WindowBudget::default();
        let bodies = Bodies::default();
        read_much(&bodies);
        let mut all: Vec<_> = (0..100).map(|_| Windows::new(budget.clone())).collect();
        let mut sum = 0;
        for windows in &mut all {
            sum += adapted(windows, &bodies).1 as usize;
        }
        assert!(sum <= BUDGET + 100 * CONNECTION as usize, "{sum}");
        bodies.change(|count| count.unread = 250);
        assert_eq!(adapted(&mut all[99], &bodies), SMALL, "nothing is left");
        all.truncate(1);
        let (_, connection) = adapted(&mut all[0], &bodies);
        assert!(
            connection as usize <= BUDGET + CONNECTION as usize,
            "{connection}"
        );
    }
}
