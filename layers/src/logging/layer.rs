use std::sync::Arc;

use tower_layer::Layer;

use super::Logged;
use super::creations::Creations;
use crate::gate::Gate;

/// Layer that applies [`Logged`].
///
/// See the [module docs](crate::logging) for an example.
#[derive(Clone, Debug)]
pub struct LogLayer {
    base: Arc<str>,
    creations: Arc<dyn Gate>,
}

impl LogLayer {
    /// A layer that logs whole paths.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: Arc::default(),
            creations: Arc::new(Creations),
        }
    }

    /// The path below which uploads live: of a path, what follows it is logged.
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
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged::new(inner, Arc::clone(&self.base), Arc::clone(&self.creations))
    }
}
