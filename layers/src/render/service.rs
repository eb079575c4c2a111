use std::task::{Context as TaskContext, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use super::writer::Writer;
use crate::context::Context;
use crate::inner::gives_inner;
use crate::protocol::Body;

/// Middleware that writes the body of errors, and applies overrides.
///
/// See the [module docs](crate::render) for an example.
#[derive(Clone, Debug)]
pub struct Render<S> {
    inner: S,
    writer: Writer,
}

gives_inner!(Render);

impl<S> Render<S> {
    pub(super) fn new(inner: S, writer: Writer) -> Self {
        Self { inner, writer }
    }
}

impl<S, ReqBody> Service<Request<ReqBody>> for Render<S>
where
    S: Service<Request<ReqBody>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let method = request.method().clone();
        // An outer layer may have claimed the overrides; they are applied here
        // in any case.
        let _ = Context::of_mut(request.extensions_mut()).claim_overrides();
        ResponseFuture::new(self.inner.call(request), method, self.writer.clone())
    }
}
