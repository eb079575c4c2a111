use std::task::{Context, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use crate::inner::gives_inner;

/// Middleware that folds everything that inner layers announce into one header.
///
/// See the [module docs](crate::discovery) for an example.
#[derive(Clone, Copy, Debug)]
pub struct Discovery<S> {
    inner: S,
}

gives_inner!(Discovery);

impl<S> Discovery<S> {
    /// Wraps `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Discovery<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let is_options = request.method() == Method::OPTIONS;
        ResponseFuture::new(self.inner.call(request), is_options)
    }
}
