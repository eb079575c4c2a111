//! The stack as a service of its own.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;
use tower_tus_layers::protocol::{Body, BoxError};
use tower_tus_layers::store::Store;

use crate::Stack;
use crate::stack::Next;

/// The whole stack as a service that takes every request.
///
/// A path below the base path is taken without it, any other one as a whole, so
/// that the service works behind a host that strips the prefix:
///
/// ```
/// use axum::Router;
/// use tower_tus::{MemoryStore, TusService};
///
/// let uploads = TusService::new(MemoryStore::default());
/// let app: Router = Router::new().nest_service("/files", uploads);
/// ```
///
/// See [`Stack`] for the order of the layers, and for what can be set.
#[derive(Clone)]
pub struct TusService {
    stack: Next,
}

impl TusService {
    /// Creates a service over `store`, with the defaults of [`Stack`].
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Stack::new(store).into_service()
    }

    /// Creates a service over a stack of your own, which is called with erased bodies.
    /// Its [`RouteLayer`](crate::layers::route::RouteLayer) says which base path it
    /// strips.
    ///
    /// ```
    /// use tower::ServiceBuilder;
    /// use tower_tus::layers::detach::DetachLayer;
    /// use tower_tus::layers::render::RenderLayer;
    /// use tower_tus::layers::route::RouteLayer;
    /// use tower_tus::layers::service::Core;
    /// use tower_tus::layers::version::VersionLayer;
    /// use tower_tus::{MemoryStore, TusService};
    ///
    /// let core = Core::new(MemoryStore::default());
    /// let stack = ServiceBuilder::new()
    ///     .layer(DetachLayer::new())
    ///     .layer(RenderLayer::new())
    ///     .layer(VersionLayer::new())
    ///     .layer(RouteLayer::new("/files/", core.upload_methods()))
    ///     .service(core);
    /// let service = TusService::over(stack);
    /// ```
    #[must_use]
    pub fn over<S>(stack: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self {
            stack: Next::new(stack),
        }
    }
}

impl<B> Service<Request<B>> for TusService
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.stack.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.stack.call(request.map(Body::new))
    }
}

impl fmt::Debug for TusService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TusService").finish_non_exhaustive()
    }
}

/// The response future of [`TusService`].
pub struct ResponseFuture(Answer);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl ResponseFuture {
    pub(crate) fn new(answer: Answer) -> Self {
        Self(answer)
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
