use tower_layer::Layer;
use tower_tus_layers::store::Store;

use super::TusMount;
use crate::{Stack, TusService};

/// Adds resumable uploads to any service, below `/files/` by default.
///
/// The layer takes each request whose path is the base path, with or without its
/// last slash, or below it, whatever the method. All others go to the service behind
/// it, untouched.
///
/// In an axum router, **add it last**: after all routes and the fallback, and not
/// inside `nest`. It takes uploads out of the router's fallback, so a fallback that is
/// set later gets them instead, and a nested router without a fallback of its own
/// never sees them. The [module docs](crate::mount) have all ways to mount uploads,
/// and what `Location` is.
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use tower_tus::TusLayer;
/// use tower_tus::layers::store::MemoryStore;
///
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(TusLayer::new(MemoryStore::default()));
/// ```
///
/// See [`Stack`] for the order of the layers, and for what can be set.
#[derive(Clone, Debug)]
pub struct TusLayer {
    tus: TusService,
}

impl TusLayer {
    /// The stack over `store`, with nothing else set.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Stack::new(store).into_layer()
    }

    pub(crate) const fn mount(tus: TusService) -> Self {
        Self { tus }
    }
}

impl<S> Layer<S> for TusLayer {
    type Service = TusMount<S>;

    // Hosts call this once for each route: no state is made here.
    fn layer(&self, inner: S) -> TusMount<S> {
        TusMount::new(inner, self.tus.clone())
    }
}
