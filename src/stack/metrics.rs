//! Metrics.

use std::sync::Arc;

use tower_tus_layers::metrics::{MetricsLayer, TimedLocker, TimedStore};

use super::Stack;
use super::order::Shared;

#[derive(Clone, Debug, Default)]
pub(super) struct Metrics(Option<String>);

impl Metrics {
    /// Measures the store and the locker, and has hooks measured.
    pub(super) fn measure(&self, shared: &mut Shared) {
        let Some(prefix) = &self.0 else {
            return;
        };
        shared.store = Arc::new(TimedStore::new(Arc::clone(&shared.store), prefix));
        shared.locker = Arc::new(TimedLocker::new(Arc::clone(&shared.locker), prefix));
        shared.metrics_prefix = Some(prefix.clone());
    }

    pub(super) fn layer(self, _: &Shared) -> Option<MetricsLayer> {
        self.0.as_deref().map(MetricsLayer::with_prefix)
    }
}

#[cfg(feature = "hooks")]
impl Shared {
    /// The same hooks, measured if metrics are on.
    pub(super) fn measured(
        &self,
        hooks: Arc<dyn tower_tus_layers::hooks::Hooks>,
    ) -> Arc<dyn tower_tus_layers::hooks::Hooks> {
        use tower_tus_layers::metrics::TimedHooks;
        match &self.metrics_prefix {
            Some(prefix) => Arc::new(TimedHooks::new(hooks, prefix)),
            None => hooks,
        }
    }
}

impl Stack {
    /// Counts and measures by the facade [`metrics`], under names that begin with
    /// `prefix` and `_`: the usual one is `tus`. Off by default.
    ///
    /// All metrics are registered when the stack is made into a layer or a service,
    /// with the recorder that is installed then. See
    /// [the module](crate::layers::metrics) for their names.
    ///
    /// [`metrics`]: https://docs.rs/metrics
    pub fn metrics(mut self, prefix: &str) -> Self {
        self.metrics = Metrics(Some(prefix.to_owned()));
        self
    }

    /// Counts nothing, which is the default.
    pub fn without_metrics(mut self) -> Self {
        self.metrics = Metrics(None);
        self
    }
}
