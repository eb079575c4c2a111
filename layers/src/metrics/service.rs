use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use super::registry::Registry;
use crate::context::Context;
use crate::inner::gives_inner;

/// Middleware that counts requests and their outcomes.
///
/// See the [module docs](crate::metrics) for an example.
#[derive(Clone, Debug)]
pub struct Metrics<S> {
    inner: S,
    metrics: Arc<Registry>,
}

gives_inner!(Metrics);

impl<S> Metrics<S> {
    pub(super) const fn new(inner: S, metrics: Arc<Registry>) -> Self {
        Self { inner, metrics }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Metrics<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let metrics = Arc::clone(&self.metrics);
        let running = match Context::of(request.extensions()).is_internal() {
            true => metrics.begin_internal(),
            false => metrics.begin(request.method()),
        };
        ResponseFuture::new(self.inner.call(request), running)
    }
}
