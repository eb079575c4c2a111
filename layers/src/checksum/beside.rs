//! Digests that run on blocking threads, beside the request that supplies the bytes.

use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Digest;
use crate::protocol::Error;

/// Maximum number of bytes queued for the digests. Beyond it the body is not read.
const MAX_WAITING: usize = 256 << 10;

/// Digests of the same bytes, each with the name of its algorithm.
pub(super) type Digests = Vec<(&'static str, Box<dyn Digest>)>;

/// Feeds bytes to digests on tokio's blocking threads, in order and one job at a
/// time. Bytes that arrive during a job are queued for the next one.
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

    /// Queues the next bytes.
    pub(super) fn push(&mut self, bytes: Bytes) {
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
                    for (_, digest) in &mut digests {
                        digest.update(bytes);
                    }
                }
                digests
            }));
        }
    }
}

fn lost(what: &'static str) -> Error {
    Error::internal(format!("checksum digest: {what}"))
}
