//! What a hook says.

use std::convert::Infallible;
use std::future::pending;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tower_tus_layers::protocol::BoxError;

/// More than this is no reply.
const LIMIT: usize = 1 << 20;

/// What a hook has said until now. Beyond the limit it is heard and forgotten:
/// a hook that nobody hears would be killed by its next word.
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

    /// Hears for as long as it is polled. Cancel safe.
    pub(super) async fn hear(&mut self) -> Infallible {
        while !self.ended {
            self.read().await;
        }
        pending().await
    }

    /// Hears what was said already, though others may go on.
    pub(super) async fn hear_what_is_there(&mut self) {
        while !self.ended && is_something_there(&self.stdout) {
            self.read().await;
        }
    }

    async fn read(&mut self) {
        self.buffer.clear();
        // An error too is the end of what can be heard.
        let read = self.stdout.read_buf(&mut self.buffer).await;
        self.ended = matches!(read, Ok(0) | Err(_));
        let room = (LIMIT + 1).saturating_sub(self.bytes.len());
        let taken = self.buffer.len().min(room);
        self.bytes.extend_from_slice(&self.buffer[..taken]);
    }

    pub(super) fn into_bytes(self) -> Result<Vec<u8>, BoxError> {
        match self.bytes.len() {
            0..=LIMIT => Ok(self.bytes),
            _ => Err("it said more than 1 MiB".into()),
        }
    }
}

#[cfg(unix)]
fn is_something_there(stdout: &ChildStdout) -> bool {
    rustix::io::ioctl_fionread(stdout).is_ok_and(|bytes| bytes > 0)
}

/// Up to the end, for which somebody in the background may have to be waited.
#[cfg(not(unix))]
fn is_something_there(_: &ChildStdout) -> bool {
    true
}
