//! The stack as a standalone service.

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
use crate::mount::host::{Mounting, Place};
use crate::stack::Next;

/// Serves uploads at every path, for a router or a server of your own.
///
/// The service strips the base path, if a request has it. If a router has stripped a
/// prefix before, `Location` begins with that prefix:
///
/// ```
/// use axum::Router;
/// use tower_tus::{MemoryStore, TusService};
///
/// let uploads = TusService::new(MemoryStore::default());
/// let app: Router = Router::new().nest_service("/files", uploads);
/// ```
///
/// See [`mount`](crate::mount) for all ways to mount it, and [`Stack`] for the order of
/// the layers and all settings.
#[derive(Clone)]
pub struct TusService {
    stack: Next,
    mounting: Mounting,
}

impl TusService {
    /// Creates a service over `store`, with the defaults of [`Stack`].
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Stack::new(store).into_service()
    }

    /// Creates a service over a stack of your own, which receives erased bodies.
    /// Its [`RouteLayer`](crate::layers::route::RouteLayer) determines the base
    /// path to strip.
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
            mounting: Mounting::default(),
        }
    }
}

impl TusService {
    pub(crate) fn mounted(self, mounting: Mounting) -> Self {
        Self { mounting, ..self }
    }

    pub(crate) const fn mounting(&self) -> &Mounting {
        &self.mounting
    }

    /// Calls the stack from a place in a host, which the type `T` identifies.
    pub(crate) fn call_from<T, B>(&mut self, request: Request<B>, place: Place) -> ResponseFuture
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut request = request.map(Body::new);
        self.mounting.record::<T, _>(&mut request, place);
        self.stack.call(request)
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
        self.call_from::<B, _>(request, Place::Service)
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
