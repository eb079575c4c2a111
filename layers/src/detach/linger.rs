use std::time::Duration;

use http_body::Body as _;
use tokio::time::{sleep, timeout};

use super::limits::Limits;
use crate::protocol::{Body, Task};
use crate::race::first;

/// Whether a body was read to its end.
#[derive(Debug)]
enum Rest {
    Read,
    Left,
}

/// A body that was dropped before its end.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) body: Body,
    /// Whether the client is sending it.
    pub(super) sends: bool,
}

impl Unread {
    /// Reads a small rest that is already on its way. Returns the body if there is
    /// more.
    pub(super) async fn skip_small(mut self, limits: Limits) -> Option<Self> {
        if !self.sends || self.body.size_hint().lower() > limits.small {
            return Some(self);
        }
        let small = discard(&mut self.body, limits.small, limits.pause);
        let rest = timeout(limits.small_wait, small).await;
        (!matches!(rest, Ok(Rest::Read))).then_some(self)
    }

    /// Reads and discards what a client sends while its response waits. Returns the
    /// body if there is more.
    pub(super) async fn skip(mut self, limits: Limits, task: &mut Task) -> Option<Self> {
        let rest = self.read(limits, limits.success_pause, task).await;
        matches!(rest, Rest::Left).then_some(self)
    }

    /// Reads and discards what a client sends.
    pub(super) async fn linger(mut self, limits: Limits, mut task: Task) {
        self.read(limits, limits.pause, &mut task).await;
    }

    async fn read(&mut self, limits: Limits, pause: Duration, task: &mut Task) -> Rest {
        if !self.sends {
            return Rest::Left;
        }
        let at_shutdown = async {
            task.begun().await;
            sleep(limits.time_at_shutdown).await;
        };
        let too_long = async {
            first(sleep(limits.time), at_shutdown).await;
            Rest::Left
        };
        first(discard(&mut self.body, limits.bytes, pause), too_long).await
    }
}

/// Reads and discards until the end, a pause, or about `most` bytes.
async fn discard(body: &mut Body, most: u64, pause: Duration) -> Rest {
    let mut read = 0;
    while read <= most {
        match timeout(pause, body.next()).await {
            Ok(Some(Ok(frame))) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
            // After an error nothing is left to read either.
            Ok(_) => return Rest::Read,
            Err(_) => return Rest::Left,
        }
    }
    Rest::Left
}
