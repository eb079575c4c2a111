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
use crate::listener::Io;
use crate::taken::Piece;

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

/// How soon to try again when the client has not acknowledged the last window.
const AGAIN: Duration = Duration::from_millis(100);

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
        connection: &mut Connection<IO, Piece>,
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
            Ok(()) => self.told.stream = wanted.stream,
            Err(_) => self.deadline = Some(Instant::now() + AGAIN),
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
                }
            }
        }
        // A body that waits may have filled the largest window that its client knows of.
        self.hold(count.unread, self.told.stream);
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
