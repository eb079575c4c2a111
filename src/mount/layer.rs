use std::convert::Infallible;

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tower_tus_layers::protocol::Body;
use tower_tus_layers::route::BasePath;
use tower_tus_layers::store::Store;

use super::TusMount;
use crate::{Stack, TusService};

/// Adds resumable uploads to any service, below `/files/` by default.
///
/// The stack handles all requests to the base path, with or without its trailing
/// slash, and to paths below it, whatever their method. All other requests reach
/// the inner service unchanged.
///
/// In an axum router, **add it last**: after all routes and the fallback, and not
/// inside `nest`. It intercepts uploads in the router's fallback: a fallback that is
/// set later replaces it, and a nested router without a fallback of its own never
/// calls it. The [module docs](crate::mount) describe all ways to mount uploads,
/// and the resulting `Location`.
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use tower_tus::{MemoryStore, TusLayer};
///
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(TusLayer::new(MemoryStore::default()));
/// ```
///
/// See [`Stack`] for the order of the layers, and for the settings.
#[derive(Clone, Debug)]
pub struct TusLayer {
    tus: TusService,
    base_path: BasePath,
}

impl TusLayer {
    /// Creates a layer over `store`, with the defaults of [`Stack`].
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Stack::new(store).into_layer()
    }

    /// Creates a layer that passes requests below `base_path` to a stack of your
    /// own. Its [`RouteLayer`](crate::layers::route::RouteLayer) must have the same
    /// base path.
    ///
    /// See [`TusService::over`] for an example.
    #[must_use]
    pub fn over<T>(base_path: &str, stack: T) -> Self
    where
        T: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        T: Clone + Send + Sync + 'static,
        T::Future: Send + 'static,
    {
        Self::mount(TusService::over(stack), BasePath::new(base_path))
    }

    pub(crate) fn mount(tus: TusService, base_path: BasePath) -> Self {
        Self { tus, base_path }
    }
}

impl<S> Layer<S> for TusLayer {
    type Service = TusMount<S>;

    // Hosts call this once per route, so it must not create state.
    fn layer(&self, inner: S) -> TusMount<S> {
        TusMount::new(inner, self.tus.clone(), self.base_path.clone())
    }
}
