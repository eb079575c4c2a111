use std::time::Duration;

use tower_layer::Layer;

use super::IdleTimeout;

/// Layer that applies [`IdleTimeout`].
///
/// See the [module docs](crate::idle_timeout) for an example.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimeoutLayer {
    timeout: Duration,
}

impl IdleTimeoutLayer {
    /// A client may pause for less than `timeout`.
    ///
    /// Zero is no time at all, and ends every body that has to be waited for:
    /// to wait for ever, leave the layer out.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl<S> Layer<S> for IdleTimeoutLayer {
    type Service = IdleTimeout<S>;

    fn layer(&self, inner: S) -> IdleTimeout<S> {
        IdleTimeout::new(inner, self.timeout)
    }
}
