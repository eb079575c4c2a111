use tower_layer::Layer;

use super::Discovery;

/// Layer that applies [`Discovery`].
///
/// See the [module docs](crate::discovery) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DiscoveryLayer;

impl DiscoveryLayer {
    /// Creates a layer that describes the layers inside it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for DiscoveryLayer {
    type Service = Discovery<S>;

    fn layer(&self, inner: S) -> Discovery<S> {
        Discovery::new(inner)
    }
}
