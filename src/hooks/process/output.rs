//! The output of a hook.

use std::convert::Infallible;
use std::future::pending;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tower_tus_layers::protocol::BoxError;

/// Maximum size of a reply in bytes.
const LIMIT: usize = 1 << 20;

/// The output so far. Bytes beyond the limit are read and discarded: if nobody
/// reads its output, a hook is killed by its next write.
#[derive(Debug)]
pub(super) struct Output {
    stdout: ChildStdout,
    bytes: Vec<u8>,
    buffer: Vec<u8>,
    ended: bool,
}

impl Output {
    pub(super) fn new(stdout: ChildStdout) -> Self {
        Self {
            stdout,
            bytes: Vec::new(),
            buffer: Vec::with_capacity(8 << 10),
            ended: false,
        }
    }

    /// Reads as long as it is polled. Cancel safe.
    pub(super) async fn hear(&mut self) -> Infallible {
        while !self.ended {
            self.read().await;
        }
        pending().await
    }

    /// Reads what is already in the pipe, even if other processes still write
    /// to it.
    pub(super) async fn hear_what_is_there(&mut self) {
        while !self.ended && is_something_there(&self.stdout) {
            self.read().await;
        }
    }

    async fn read(&mut self) {
        self.buffer.clear();
        // An error ends the output as well.
        let read = self.stdout.read_buf(&mut self.buffer).await;
        self.ended = matches!(read, Ok(0) | Err(_));
        let room = (LIMIT + 1).saturating_sub(self.bytes.len());
        let taken = self.buffer.len().min(room);
        self.bytes.extend_from_slice(&self.buffer[..taken]);
    }

    pub(super) fn into_bytes(self) -> Result<Vec<u8>, BoxError> {
        match self.bytes.len() {
            0..=LIMIT => Ok(self.bytes),
            _ => Err("the reply has more than 1 MiB".into()),
        }
    }
}

#[cfg(unix)]
fn is_something_there(stdout: &ChildStdout) -> bool {
    rustix::io::ioctl_fionread(stdout).is_ok_and(|bytes| bytes > 0)
}

/// Reads to the end, which may mean waiting for a background process.
#[cfg(not(unix))]
fn is_something_there(_: &ChildStdout) -> bool {
    true
}
