use std::time::Duration;

/// How much of an unread body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum pause of a client whose rest is discarded after the response.
    pub(super) pause: Duration,
    /// Maximum time in total.
    pub(super) time: Duration,
    /// Maximum time after a shutdown begins.
    pub(super) time_at_shutdown: Duration,
    /// Maximum number of bytes.
    pub(super) bytes: u64,
    /// Maximum number of bytes read before the response, so that the connection can
    /// be kept.
    pub(super) small: u64,
    /// Maximum delay of the response for these.
    pub(super) small_wait: Duration,
    /// Maximum pause of a client while a success over HTTP/2 waits for the end of its
    /// body.
    pub(super) success_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(5),
            time: Duration::from_secs(30),
            time_at_shutdown: Duration::from_millis(150),
            bytes: 256 << 20,
            small: 64 << 10,
            small_wait: Duration::from_millis(20),
            success_pause: Duration::from_secs(1),
        }
    }
}
