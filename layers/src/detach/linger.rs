use std::time::Duration;

use http_body::Body as _;
use tokio::time::{sleep, timeout};

use crate::protocol::{Body, Task};
use crate::race::first;

/// Maximum pause of a client.
const IDLE: Duration = Duration::from_secs(5);
/// Maximum time in total.
const TOTAL: Duration = Duration::from_secs(30);
/// Maximum time after a shutdown begins.
const AT_SHUTDOWN: Duration = Duration::from_millis(150);
/// Maximum number of bytes.
const BYTES: u64 = 256 << 20;
/// Maximum number of bytes read before the response, so that the connection can be
/// kept.
const SMALL: u64 = 64 << 10;
/// Maximum delay of the response for these.
const SOON: Duration = Duration::from_millis(20);
/// Maximum pause of a client while a success waits for the end of its body.
const PAUSE: Duration = Duration::from_secs(1);

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
    pub(super) async fn skip_small(mut self) -> Option<Self> {
        if !self.sends || self.body.size_hint().lower() > SMALL {
            return Some(self);
        }
        let rest = timeout(SOON, discard(&mut self.body, SMALL, IDLE)).await;
        (!matches!(rest, Ok(Rest::Read))).then_some(self)
    }

    /// Reads and discards what a client sends while its response waits. Returns the
    /// body if there is more.
    pub(super) async fn skip(mut self, task: &mut Task) -> Option<Self> {
        let rest = self.read(PAUSE, task).await;
        matches!(rest, Rest::Left).then_some(self)
    }

    /// Reads and discards what a client sends.
    pub(super) async fn linger(mut self, mut task: Task) {
        self.read(IDLE, &mut task).await;
    }

    async fn read(&mut self, pause: Duration, task: &mut Task) -> Rest {
        if !self.sends {
            return Rest::Left;
        }
        let at_shutdown = async {
            task.begun().await;
            sleep(AT_SHUTDOWN).await;
        };
        let too_long = async {
            first(sleep(TOTAL), at_shutdown).await;
            Rest::Left
        };
        first(discard(&mut self.body, BYTES, pause), too_long).await
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
