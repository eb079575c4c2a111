use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use super::policy::Policy;
use crate::context::Context;
use crate::inner::gives_inner;

/// Middleware that tells browsers which origins may upload.
///
/// See the [module docs](crate::cors) for an example.
#[derive(Clone, Debug)]
pub struct Cors<S> {
    inner: S,
    policy: Arc<Policy>,
}

gives_inner!(Cors);

impl<S> Cors<S> {
    pub(super) const fn new(inner: S, policy: Arc<Policy>) -> Self {
        Self { inner, policy }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Cors<S>
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
        let (mut parts, body) = request.into_parts();
        let origin = self.policy.admit(&parts).unwrap_or_else(|error| {
            Context::of_mut(&mut parts.extensions).reject(error);
            None
        });
        let is_preflight = parts.method == Method::OPTIONS;
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::new(future, Arc::clone(&self.policy), origin, is_preflight)
    }
}
