use std::task::{Context, Poll};

use http::{Request, Response};
use tower::ServiceExt as _;
use tower_layer::Layer;
use tower_service::Service;
use tower_tus_layers::protocol::BoxError;
use tower_tus_layers::route::BasePath;

use super::{ResponseBody, ResponseFuture};
use crate::TusService;

/// Passes requests for uploads to the stack, and all others to the inner service.
///
/// It is always ready: an upload does not wait until the service behind it can take
/// a request. A request for that service waits for it after it has been called, so
/// a layer that sheds load by readiness belongs between the two.
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
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: http_body::Body + Send + 'static,
    ReqBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Which of the two a request is for is known only when it is here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.base_path.strip(request.uri().path()).is_some() {
            ResponseFuture::tus(self.tus.call_around::<S, _>(request))
        } else {
            self.tus.mounting().warn_of_nesting(request.extensions());
            ResponseFuture::inner(self.inner.clone().oneshot(request))
        }
    }
}

const _: fn() = || {
    fn is_layer<L: Layer<()> + Clone + Send + Sync + 'static>() {}
    is_layer::<super::TusLayer>();
};
