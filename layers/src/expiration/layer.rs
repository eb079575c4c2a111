use std::sync::Arc;

use tower_layer::Layer;

use super::{Expiration, ExpirationService};
use crate::store::Store;

/// Layer that applies [`ExpirationService`].
///
/// See the [module docs](crate::expiration) for an example.
#[derive(Clone, Debug)]
pub struct ExpirationLayer {
    store: Arc<dyn Store>,
    expiration: Expiration,
}

impl ExpirationLayer {
    /// Creates a layer over the store that the layers inside use.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, expiration: Expiration) -> Self {
        Self { store, expiration }
    }
}

impl<S> Layer<S> for ExpirationLayer {
    type Service = ExpirationService<S>;

    fn layer(&self, inner: S) -> ExpirationService<S> {
        ExpirationService::new(inner, Arc::clone(&self.store), self.expiration.clone())
    }
}
