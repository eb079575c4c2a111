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
use crate::stack::Sealed;

/// The whole stack as a service that handles every request.
///
/// The base path is removed from a path below it; any other path is used as it is. So
/// the service also works behind a host that strips the prefix:
///
/// ```
/// use axum::Router;
/// use tower_tus::TusService;
/// use tower_tus::layers::store::MemoryStore;
///
/// let uploads = TusService::new(MemoryStore::default());
/// let app: Router = Router::new().nest_service("/files", uploads);
/// ```
///
/// See [`Stack`] for the order of the layers, and for the settings.
#[derive(Clone)]
pub struct TusService {
    stack: Sealed,
}

impl TusService {
    /// Creates a service over `store`, with default settings.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Stack::new(store).into_service()
    }

    pub(crate) const fn from_stack(stack: Sealed) -> Self {
        Self { stack }
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
        ResponseFuture(self.stack.call(request.map(Body::new)))
    }
}

impl fmt::Debug for TusService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TusService").finish_non_exhaustive()
    }
}

/// The response future of [`TusService`].
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>);

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
