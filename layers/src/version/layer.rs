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
    /// A layer that speaks tus 1.0.0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            strictness: Strictness::Strict,
        }
    }

    /// Asks HEAD for no version, as tusd does.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
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
