use std::sync::Arc;

use tower_layer::Layer;

use super::Metrics;
use super::registry::Registry;

/// Layer that applies [`Metrics`].
///
/// See the [module docs](crate::metrics) for an example.
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    metrics: Arc<Registry>,
}

impl MetricsLayer {
    /// Creates a layer whose metrics have names that begin with `tus_`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_prefix("tus")
    }

    /// Creates a layer whose metrics have names that begin with `prefix` and
    /// `_`.
    ///
    /// All metrics are registered here, with the recorder that is installed at
    /// this moment.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            metrics: Arc::new(Registry::new(prefix)),
        }
    }
}

impl Default for MetricsLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics::new(inner, Arc::clone(&self.metrics))
    }
}
