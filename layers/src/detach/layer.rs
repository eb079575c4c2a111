use tower_layer::Layer;

use super::Detach;
use crate::protocol::Shutdown;

/// Layer that applies [`Detach`].
///
/// See the [module docs](crate::detach) for an example.
#[derive(Clone, Debug, Default)]
pub struct DetachLayer {
    shutdown: Shutdown,
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
}

impl<S> Layer<S> for DetachLayer {
    type Service = Detach<S>;

    fn layer(&self, inner: S) -> Detach<S> {
        Detach::new(inner, self.shutdown.clone())
    }
}
