use tower_layer::Layer;

use super::Version;

/// Layer that applies [`Version`].
///
/// See the [module docs](crate::version) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct VersionLayer;

impl VersionLayer {
    /// A layer that speaks tus 1.0.0.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for VersionLayer {
    type Service = Version<S>;

    fn layer(&self, inner: S) -> Version<S> {
        Version::new(inner)
    }
}
