//! A page in front of a service.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};
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
    /// Shared, because every request clones this, and few are for the page.
    service: Arc<BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>>,
}

impl<P: Page> PageLayer<P> {
    /// `shutdown` waits for the requests of the page.
    pub(crate) fn new(page: P, shutdown: Shutdown) -> Self {
        let service = Arc::new(around(Render(page.clone()), shutdown));
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
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The page is always ready.
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !self.layer.page.answers(&request) {
            let future = self.inner.call(request);
            return ResponseFuture::Inner { future };
        }
        let service = BoxCloneSyncService::clone(&self.layer.service);
        let future = Box::pin(service.oneshot(request));
        ResponseFuture::Page { future }
    }
}

pin_project_lite::pin_project! {
    /// The response future of [`PageService`].
    #[project = Either]
    pub(crate) enum ResponseFuture<F> {
        Inner { #[pin] future: F },
        Page { future: Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>> },
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            Either::Inner { future } => future.poll(cx),
            Either::Page { future } => future.as_mut().poll(cx),
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
