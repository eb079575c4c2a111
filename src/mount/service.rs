use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tower_tus_layers::protocol::BoxError;
use tower_tus_layers::route::BasePath;

use super::host::Place;
use super::{ResponseBody, ResponseFuture};
use crate::TusService;

/// Passes requests for uploads to the stack, and all others to the inner service.
///
/// See [`TusLayer`](super::TusLayer) for an example.
#[derive(Clone, Debug)]
pub struct TusMount<S> {
    inner: S,
    tus: TusService,
    base_path: BasePath,
}

impl<S> TusMount<S> {
    pub(super) const fn new(inner: S, tus: TusService, base_path: BasePath) -> Self {
        Self {
            inner,
            tus,
            base_path,
        }
    }
}

impl<S> TusMount<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TusMount<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: http_body::Body + Send + 'static,
    ReqBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The stack is always ready.
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.base_path.strip(request.uri().path()).is_some() {
            ResponseFuture::tus(self.tus.call_from::<S, _>(request, Place::Layer))
        } else {
            self.tus.mounting().warn_of_nesting(request.extensions());
            ResponseFuture::inner(self.inner.call(request))
        }
    }
}

const _: fn() = || {
    fn is_layer<L: Layer<()> + Clone + Send + Sync + 'static>() {}
    is_layer::<super::TusLayer>();
};
