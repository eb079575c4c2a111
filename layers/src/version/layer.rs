use tower_layer::Layer;

use super::Version;
use crate::protocol::Strictness;

/// Layer that applies [`Version`].
///
/// See the [module docs](crate::version) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct VersionLayer {
    strictness: Strictness,
}

impl VersionLayer {
    /// Creates a layer for tus 1.0.0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            strictness: Strictness::Strict,
        }
    }

    /// Accepts HEAD without a version, like tusd.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.strictness = Strictness::Lenient;
        self
    }
}

impl<S> Layer<S> for VersionLayer {
    type Service = Version<S>;

    fn layer(&self, inner: S) -> Version<S> {
        Version::new(inner).strictness(self.strictness)
    }
}
