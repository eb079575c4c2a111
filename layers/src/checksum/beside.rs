//! Digests that run beside the request that supplies the bytes: those of large frames on
//! blocking threads, while the request goes on reading and writing.

use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Digest;
use crate::protocol::Error;

/// Maximum number of bytes queued for the digests. Beyond it the body is not read.
const MAX_WAITING: usize = 256 << 10;

/// Digests of so many bytes in total cost several times what a job costs. The digests of
/// smaller frames are computed at once, also because a frame that waits keeps a whole
/// buffer of the connection.
const LARGE: usize = 64 << 10;

/// Digests of the same bytes, each with the name of its algorithm.
pub(super) type Digests = Vec<(&'static str, Box<dyn Digest>)>;

/// Feeds bytes to digests in order: small frames at once, large ones on tokio's blocking
/// threads, one job at a time. Bytes that arrive during a job are queued for the next
/// one.
pub(super) struct Beside {
    state: State,
    waiting: Vec<Bytes>,
    size: usize,
}

enum State {
    Idle(Digests),
    Running(JoinHandle<Digests>),
    /// A digest has panicked.
    Lost,
}

impl Beside {
    pub(super) const fn new(digests: Digests) -> Self {
        Self {
            state: State::Idle(digests),
            waiting: Vec::new(),
            size: 0,
        }
    }

    /// Processes the next bytes, or queues them.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if let State::Idle(digests) = &mut self.state
            && bytes.len() * digests.len() < LARGE
        {
            return update(digests, &bytes);
        }
        self.size += bytes.len();
        self.waiting.push(bytes);
        self.begin();
    }

    /// Waits until more bytes may be queued.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.size >= MAX_WAITING {
            ready!(self.poll_job(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until all bytes are processed, and returns the digests.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Result<Digests, Error>> {
        while let State::Running(_) = self.state {
            ready!(self.poll_job(cx))?;
        }
        match mem::replace(&mut self.state, State::Lost) {
            State::Idle(digests) => Poll::Ready(Ok(digests)),
            _ => Poll::Ready(Err(lost("no longer available"))),
        }
    }

    /// Waits for the running job, and starts the next one.
    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let State::Running(job) = &mut self.state else {
            return Poll::Ready(Err(lost("no longer available")));
        };
        self.state = match ready!(std::pin::Pin::new(job).poll(cx)) {
            Ok(digests) => State::Idle(digests),
            Err(error) => {
                self.state = State::Lost;
                return Poll::Ready(Err(Error::internal(error)));
            }
        };
        self.begin();
        Poll::Ready(Ok(()))
    }

    /// Starts a job for the queued bytes, unless one is running.
    fn begin(&mut self) {
        if self.waiting.is_empty() || !matches!(self.state, State::Idle(_)) {
            return;
        }
        if let State::Idle(mut digests) = mem::replace(&mut self.state, State::Lost) {
            let waiting = mem::take(&mut self.waiting);
            self.size = 0;
            self.state = State::Running(spawn_blocking(move || {
                for bytes in &waiting {
                    update(&mut digests, bytes);
                }
                digests
            }));
        }
    }
}

fn update(digests: &mut Digests, bytes: &[u8]) {
    for (_, digest) in digests {
        digest.update(bytes);
    }
}

fn lost(what: &'static str) -> Error {
    Error::internal(format!("checksum digest: {what}"))
}
