use tower_layer::Layer;

use super::MethodOverride;

/// Layer that applies [`MethodOverride`].
///
/// See the [module docs](crate::method_override) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct MethodOverrideLayer;

impl MethodOverrideLayer {
    /// Creates a layer that takes the method from the header, if present.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for MethodOverrideLayer {
    type Service = MethodOverride<S>;

    fn layer(&self, inner: S) -> MethodOverride<S> {
        MethodOverride::new(inner)
    }
}
