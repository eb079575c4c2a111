//! A page in front of a service.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service};
use tower_tus::layers::protocol::{Body, Shutdown};

use super::layers::around;

/// A page that the server makes itself, from memory.
pub(crate) trait Page: Clone + Send + Sync + 'static {
    /// Whether this page answers the request, whose body is never read.
    fn answers(&self, request: &Request<Body>) -> bool;

    /// Makes the page for a request with these headers.
    fn render(&self, headers: &HeaderMap) -> Response<Body>;
}

/// Layer that answers some requests with a page and passes all others on.
#[derive(Clone, Debug)]
pub(crate) struct PageLayer<P> {
    page: P,
    service: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
}

impl<P: Page> PageLayer<P> {
    /// `shutdown` waits for the requests of the page.
    pub(crate) fn new(page: P, shutdown: Shutdown) -> Self {
        let service = around(Render(page.clone()), shutdown);
        Self { page, service }
    }
}

impl<P: Clone, S> Layer<S> for PageLayer<P> {
    type Service = PageService<P, S>;

    fn layer(&self, inner: S) -> PageService<P, S> {
        let layer = self.clone();
        PageService { inner, layer }
    }
}

/// A service behind a page.
#[derive(Clone, Debug)]
pub(crate) struct PageService<P, S> {
    inner: S,
    layer: PageLayer<P>,
}

impl<P, S> Service<Request<Body>> for PageService<P, S>
where
    P: Page,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The page is always ready.
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.layer.page.answers(&request) {
            true => self.layer.service.call(request),
            false => Box::pin(self.inner.call(request)),
        }
    }
}

/// The page as a service.
#[derive(Clone, Debug)]
pub(super) struct Render<P>(pub(super) P);

impl<P: Page, B> Service<Request<B>> for Render<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.0.render(request.headers())))
    }
}
