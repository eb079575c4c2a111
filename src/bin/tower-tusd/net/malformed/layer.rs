use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tus::layers::detach::Detach;
use tower_tus::layers::protocol::{Body, Shutdown};

use super::Malformed;

/// Layer that refuses malformed requests.
#[derive(Clone, Debug)]
pub(crate) struct MalformedLayer {
    shutdown: Shutdown,
}

impl MalformedLayer {
    /// `shutdown` waits for the requests that are refused.
    pub(crate) const fn new(shutdown: Shutdown) -> Self {
        Self { shutdown }
    }
}

impl<S> Layer<S> for MalformedLayer {
    type Service = RefuseMalformed<S>;

    fn layer(&self, inner: S) -> RefuseMalformed<S> {
        let shutdown = self.shutdown.clone();
        RefuseMalformed { inner, shutdown }
    }
}

/// A service that malformed requests do not reach.
#[derive(Clone, Debug)]
pub(crate) struct RefuseMalformed<S> {
    inner: S,
    shutdown: Shutdown,
}

impl<S> Service<Request<Body>> for RefuseMalformed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(malformed) = Malformed::of(&request) else {
            let future = self.inner.call(request);
            return ResponseFuture::Inner { future };
        };
        // A client that is still sending is read from, or the answer is lost.
        let refuse = service_fn(move |request: Request<_>| {
            ready(Ok(malformed.into_response(request.version())))
        });
        let detached = Detach::new(refuse, self.shutdown.clone());
        let future = Box::pin(detached.oneshot(request));
        ResponseFuture::Refusal { future }
    }
}

pin_project_lite::pin_project! {
    /// The response future of [`RefuseMalformed`].
    #[project = Either]
    pub(crate) enum ResponseFuture<F> {
        Inner { #[pin] future: F },
        Refusal { future: Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>> },
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            Either::Inner { future } => future.poll(cx),
            Either::Refusal { future } => future.as_mut().poll(cx),
        }
    }
}
