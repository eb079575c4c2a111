use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::{Access, AccessService};
use crate::store::Store;

/// Layer that applies [`AccessService`].
///
/// It belongs outside [`Lock`](crate::lock) and
/// [`CreationWithUpload`](crate::creation_with_upload). See the
/// [module docs](crate::access) for an example.
#[derive(Clone)]
pub struct AccessLayer {
    store: Arc<dyn Store>,
    policy: Arc<dyn Access>,
}

impl AccessLayer {
    /// Creates a layer that asks `policy` about each request. `store` is the one that
    /// the core uses.
    pub fn new(store: Arc<dyn Store>, policy: impl Access) -> Self {
        Self {
            store,
            policy: Arc::new(policy),
        }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = AccessService<S>;

    fn layer(&self, inner: S) -> AccessService<S> {
        AccessService::new(inner, Arc::clone(&self.store), Arc::clone(&self.policy))
    }
}

impl fmt::Debug for AccessLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLayer").finish_non_exhaustive()
    }
}
