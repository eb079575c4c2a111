use std::task::{Context as TaskContext, Poll};

use headers::HeaderMapExt;
use http::{Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use crate::context::{Context, Place, check_rejection};
use crate::future;
use crate::inner::gives_inner;
use crate::protocol::header::{TusResumable, is_plain_or_chunked};
use crate::protocol::{Body, Error, Strictness};

/// Middleware that checks `Tus-Resumable`, and adds it to responses.
///
/// See the [module docs](crate::version) for an example.
#[derive(Clone, Copy, Debug)]
pub struct Version<S> {
    inner: S,
    strictness: Strictness,
}

gives_inner!(Version);

impl<S> Version<S> {
    /// Wraps `inner`, and checks the version of its requests.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            strictness: Strictness::Strict,
        }
    }

    pub(super) fn strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Checks whether the request may pass.
    // CORE-08, CORE-34
    fn verify<B>(&self, request: &Request<B>) -> Result<(), Error> {
        if !is_plain_or_chunked(request.headers()) {
            return Err(Error::UnsupportedTransferEncoding);
        }
        check_rejection(request.extensions())?;
        if matches!(*request.method(), Method::OPTIONS | Method::GET) {
            return Ok(());
        }
        if request.headers().typed_get::<TusResumable>().is_some() {
            return Ok(());
        }
        let forgiven = request.method() == Method::HEAD
            && self
                .strictness
                .forgives("HEAD without Tus-Resumable: 1.0.0");
        forgiven.then_some(()).ok_or(Error::UnsupportedVersion)
    }
}

impl<S> Service<Request<Body>> for Version<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        Context::of_mut(request.extensions_mut()).pass(Place::Version);
        let future = match self.verify(&request) {
            Ok(()) => future::ResponseFuture::inner(self.inner.call(request)),
            // CORE-10: the request does not reach the inner service.
            Err(error) => future::ResponseFuture::refused(error),
        };
        ResponseFuture::new(future)
    }
}
