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
    /// Creates a layer whose requests no shutdown waits for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts every request until its end, so that [`Shutdown::drained`] waits for
    /// it.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Sets how long a client may pause while the rest of its body is discarded after
    /// the response; the default is 5 seconds.
    #[must_use]
    pub fn linger_pause(mut self, pause: Duration) -> Self {
        self.limits.pause = pause;
        self
    }

    /// Sets how long the rest of a body is discarded in total; the default is 30
    /// seconds.
    #[must_use]
    pub fn linger_time(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Sets how long the rest of a body is discarded after a shutdown has begun; the
    /// default is 150 milliseconds.
    #[must_use]
    pub fn linger_time_at_shutdown(mut self, time: Duration) -> Self {
        self.limits.time_at_shutdown = time;
        self
    }

    /// Sets how many bytes of a body are discarded; the default is 256 MiB.
    /// Discarding ends with the first frame beyond the limit.
    #[must_use]
    pub fn linger_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Sets the largest rest, in bytes, that is read before the response, so that
    /// HTTP/1 can keep the connection; the default is 64 KiB.
    #[must_use]
    pub fn small_rest(mut self, bytes: u64) -> Self {
        self.limits.small = bytes;
        self
    }

    /// Sets how long a response waits for a [small rest](Self::small_rest); the
    /// default is 20 milliseconds.
    #[must_use]
    pub fn small_rest_wait(mut self, wait: Duration) -> Self {
        self.limits.small_wait = wait;
        self
    }

    /// Sets how long a client may pause while a success over HTTP/2 waits for the end
    /// of its body; the default is 1 second.
    #[must_use]
    pub fn success_pause(mut self, pause: Duration) -> Self {
        self.limits.success_pause = pause;
        self
    }

    /// Sets the `Retry-After` of the response to a request that panicked, rounded up
    /// to seconds. By default there is none.
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
