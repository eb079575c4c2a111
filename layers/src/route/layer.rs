use std::sync::Arc;

use http::Method;
use tower_layer::Layer;

use super::service::Table;
use super::{BasePath, Route};

/// Layer that applies [`Route`].
///
/// See the [module docs](crate::route) for an example.
#[derive(Clone, Debug)]
pub struct RouteLayer {
    table: Arc<Table>,
}

impl RouteLayer {
    /// Creates a layer for uploads below `base`, which allow these methods and
    /// OPTIONS.
    #[must_use]
    pub fn new(base: &str, upload_methods: impl IntoIterator<Item = Method>) -> Self {
        let table = Table::new(BasePath::new(base), upload_methods.into_iter().collect());
        Self {
            table: Arc::new(table),
        }
    }
}

impl<S> Layer<S> for RouteLayer {
    type Service = Route<S>;

    fn layer(&self, inner: S) -> Route<S> {
        Route::new(inner, Arc::clone(&self.table))
    }
}
