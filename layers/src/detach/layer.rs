use std::time::Duration;

use tower_layer::Layer;

use super::Detach;
use super::limits::Limits;
use crate::protocol::Shutdown;

/// Layer that applies [`Detach`].
///
/// See the [module docs](crate::detach) for an example.
#[derive(Clone, Debug, Default)]
pub struct DetachLayer {
    shutdown: Shutdown,
    limits: Limits,
    retry_after: Option<Duration>,
}

impl DetachLayer {
    /// A layer whose tasks nobody waits for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts every request until its end, so that
    /// [`Shutdown::drained`] waits for them.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Sets how long a client may pause while the rest of its body is discarded after
    /// the answer: 5 seconds by default.
    #[must_use]
    pub fn linger_pause(mut self, pause: Duration) -> Self {
        self.limits.pause = pause;
        self
    }

    /// Sets how long the rest of a body is discarded in all: 30 seconds by default.
    #[must_use]
    pub fn linger_time(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Sets how long the rest of a body is still discarded once a shutdown has begun:
    /// 150 milliseconds by default.
    #[must_use]
    pub fn linger_time_at_shutdown(mut self, time: Duration) -> Self {
        self.limits.time_at_shutdown = time;
        self
    }

    /// Sets how many bytes of a body are discarded: 256 MiB by default. It ends with
    /// the first frame beyond them.
    #[must_use]
    pub fn linger_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Sets the largest rest, in bytes, that is read before the answer, so that
    /// HTTP/1 can keep the connection: 64 KiB by default.
    #[must_use]
    pub fn small_rest(mut self, bytes: u64) -> Self {
        self.limits.small = bytes;
        self
    }

    /// Sets how long an answer waits for a [small rest](Self::small_rest): 20
    /// milliseconds by default.
    #[must_use]
    pub fn small_rest_wait(mut self, wait: Duration) -> Self {
        self.limits.small_wait = wait;
        self
    }

    /// Sets how long a client may pause while a success over HTTP/2 waits for the end
    /// of its body: 1 second by default.
    #[must_use]
    pub fn success_pause(mut self, pause: Duration) -> Self {
        self.limits.success_pause = pause;
        self
    }

    /// Tells clients how long to wait before they retry a request that has panicked,
    /// rounded up to seconds. By default such an answer has no `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl<S> Layer<S> for DetachLayer {
    type Service = Detach<S>;

    fn layer(&self, inner: S) -> Detach<S> {
        Detach::new(inner, self.shutdown.clone())
            .limits(self.limits)
            .retry_after(self.retry_after)
    }
}
