use std::sync::Arc;

use http::Response;
use tower_layer::Layer;

use super::Render;
use super::writer::Writer;
use crate::protocol::{Body, Error};

/// Layer that applies [`Render`].
///
/// See the [module docs](crate::render) for an example.
#[derive(Clone, Debug, Default)]
pub struct RenderLayer {
    writer: Writer,
}

impl RenderLayer {
    /// Creates a layer that writes errors as plain text, `CODE: message`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a layer that writes errors with `write`.
    ///
    /// The response already has the status and headers of the error, and an
    /// empty body. `write` sets the body and its `Content-Type`. It is not
    /// called for HEAD, nor for an error with a body of its own.
    #[must_use]
    pub fn with<F>(write: F) -> Self
    where
        F: Fn(&Error, &mut Response<Body>) + Send + Sync + 'static,
    {
        Self {
            writer: Writer::Custom(Arc::new(write)),
        }
    }
}

impl<S> Layer<S> for RenderLayer {
    type Service = Render<S>;

    fn layer(&self, inner: S) -> Render<S> {
        Render::new(inner, self.writer.clone())
    }
}
