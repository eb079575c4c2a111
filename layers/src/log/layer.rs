use std::sync::Arc;

use tower_layer::Layer;

use super::Log;
use super::creations::Creations;
use crate::gate::Gate;

/// Layer that applies [`Log`].
///
/// See the [module docs](crate::log) for an example.
#[derive(Clone, Debug)]
pub struct LogLayer {
    base: Arc<str>,
    creations: Arc<dyn Gate>,
}

impl LogLayer {
    /// Creates a layer that logs whole paths.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: Arc::default(),
            creations: Arc::new(Creations),
        }
    }

    /// Sets the path below which uploads live. Only what follows it is logged.
    #[must_use]
    pub fn base_path(mut self, path: &str) -> Self {
        self.base = format!("/{}", path.trim_matches('/')).into();
        self
    }
}

impl Default for LogLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for LogLayer {
    type Service = Log<S>;

    fn layer(&self, inner: S) -> Log<S> {
        Log::new(inner, Arc::clone(&self.base), Arc::clone(&self.creations))
    }
}
