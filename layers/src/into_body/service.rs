use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use crate::inner::gives_inner;
use crate::protocol::{Body, BoxError};

/// Middleware that erases the body types of requests and responses.
///
/// See the [module docs](crate::into_body) for an example.
#[derive(Clone, Copy, Debug)]
pub struct IntoBody<S> {
    inner: S,
}

gives_inner!(IntoBody);

impl<S> IntoBody<S> {
    /// Wraps `inner`, and erases the body types on both sides.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for IntoBody<S>
where
    S: Service<Request<Body>, Response = Response<ResBody>>,
    ReqBody: http_body::Body + Send + 'static,
    ReqBody::Error: Into<BoxError>,
    ResBody: http_body::Body + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture::new(self.inner.call(request.map(Body::new)))
    }
}
