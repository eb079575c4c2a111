use tower_layer::Layer;

use super::InterruptService;
use crate::protocol::Shutdown;

/// Layer that applies [`InterruptService`].
///
/// See the [module docs](crate::interrupt) for an example.
#[derive(Clone, Debug, Default)]
pub struct InterruptLayer {
    shutdown: Shutdown,
}

impl InterruptLayer {
    /// Creates a layer without a shutdown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Interrupts every request when this shutdown begins.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }
}

impl<S> Layer<S> for InterruptLayer {
    type Service = InterruptService<S>;

    fn layer(&self, inner: S) -> InterruptService<S> {
        InterruptService::new(inner, self.shutdown.clone())
    }
}
