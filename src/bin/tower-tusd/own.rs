//! What the server answers by itself, before the uploads see the request.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_tus::layers::detach::Detach;
use tower_tus::layers::protocol::{Body, BoxError, Shutdown};

use crate::malformed::Malformed;
use crate::metrics::Page;

/// Layer that refuses malformed requests, and shows the metrics if there are any.
#[derive(Clone, Debug)]
pub(crate) struct OwnLayer {
    metrics: Option<Page>,
    shutdown: Shutdown,
}

/// What the server has to say to a request.
#[derive(Clone, Debug)]
enum Own {
    Malformed(Malformed),
    Metrics(Page),
}

impl OwnLayer {
    pub(crate) const fn new(metrics: Option<Page>, shutdown: Shutdown) -> Self {
        Self { metrics, shutdown }
    }

    fn own<B>(&self, request: &Request<B>) -> Option<Own> {
        if let Some(malformed) = Malformed::of(request) {
            return Some(Own::Malformed(malformed));
        }
        let path = request.uri().path();
        let page = self.metrics.as_ref().filter(|page| page.is_at(path));
        page.cloned().map(Own::Metrics)
    }
}

impl Own {
    fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        match self {
            Self::Malformed(malformed) => malformed.into_response(request.version()),
            Self::Metrics(page) => page.show(),
        }
    }
}

impl<S> Layer<S> for OwnLayer {
    type Service = WithOwn<S>;

    fn layer(&self, inner: S) -> WithOwn<S> {
        let layer = self.clone();
        WithOwn { inner, layer }
    }
}

/// A service behind what the server answers by itself.
#[derive(Clone, Debug)]
pub(crate) struct WithOwn<S> {
    inner: S,
    layer: OwnLayer,
}

impl<S, B> Service<Request<B>> for WithOwn<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(own) = self.layer.own(&request) else {
            return Box::pin(self.inner.call(request));
        };
        // A client that is still sending has to be read from, or the answer is lost.
        let answer = service_fn(move |request: Request<Body>| ready(Ok(own.answer(&request))));
        let mut detached = Detach::new(answer, self.layer.shutdown.clone());
        Box::pin(detached.call(request.map(Body::new)))
    }
}
