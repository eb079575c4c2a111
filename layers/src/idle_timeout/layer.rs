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
    /// Creates a layer that ends a request body when the client pauses for
    /// `timeout`.
    ///
    /// A timeout of zero ends every body that is not available at once. For no
    /// timeout, leave the layer out.
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
