use tower_layer::Layer;

use super::IntoBody;

/// Layer that applies [`IntoBody`].
///
/// See the [module docs](crate::into_body) for an example.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct IntoBodyLayer;

impl IntoBodyLayer {
    /// Creates a layer that erases the types of bodies.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Wraps a foreign layer so that it fits into a stack, whatever bodies it
    /// uses.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::StatusCode;
    /// use tower::ServiceBuilder;
    /// use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
    /// use tower_tus_layers::into_body::IntoBodyLayer;
    /// use tower_tus_layers::service::Core;
    /// use tower_tus_layers::store::MemoryStore;
    ///
    /// let service = ServiceBuilder::new()
    ///     .layer(IntoBodyLayer::around(RequestBodyTimeoutLayer::new(Duration::from_secs(30))))
    ///     .service(Core::new(MemoryStore::default()));
    /// ```
    pub fn around<L>(layer: L) -> Around<L> {
        Around { layer }
    }
}

impl<S> Layer<S> for IntoBodyLayer {
    type Service = IntoBody<S>;

    fn layer(&self, inner: S) -> IntoBody<S> {
        IntoBody::new(inner)
    }
}

/// A foreign layer between two [`IntoBodyLayer`]s: see
/// [`IntoBodyLayer::around`].
#[derive(Clone, Copy, Debug)]
pub struct Around<L> {
    layer: L,
}

impl<S, L> Layer<S> for Around<L>
where
    L: Layer<IntoBody<S>>,
{
    type Service = IntoBody<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        IntoBody::new(self.layer.layer(IntoBody::new(inner)))
    }
}
