use tower_layer::Layer;

use super::CachedHead;

/// Layer that applies [`CachedHead`].
///
/// See the [module docs](crate::cached_head) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CachedHeadLayer;

impl CachedHeadLayer {
    /// Creates a layer that answers GET with `Tus-Resumable` like HEAD.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for CachedHeadLayer {
    type Service = CachedHead<S>;

    fn layer(&self, inner: S) -> CachedHead<S> {
        CachedHead::new(inner)
    }
}
