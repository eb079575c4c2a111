use tower_layer::Layer;

use super::CreationWithUpload;

/// Layer that applies [`CreationWithUpload`].
///
/// See the [module docs](crate::creation_with_upload) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CreationWithUploadLayer;

impl CreationWithUploadLayer {
    /// Creates a layer that accepts the first bytes with the creation.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for CreationWithUploadLayer {
    type Service = CreationWithUpload<S>;

    fn layer(&self, inner: S) -> CreationWithUpload<S> {
        CreationWithUpload::new(inner)
    }
}
