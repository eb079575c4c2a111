use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{RequestBody, ResponseFuture};
use crate::protocol::{Interrupt, Shutdown};

/// Middleware that lets others end the body of a request.
///
/// See the [module docs](crate::interrupt) for an example.
#[derive(Clone, Debug)]
pub struct Interruptible<S> {
    inner: S,
    shutdown: Shutdown,
}

impl<S> Interruptible<S> {
    /// `inner`, whose requests end when `shutdown` begins.
    pub const fn new(inner: S, shutdown: Shutdown) -> Self {
        Self { inner, shutdown }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Interruptible<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let registered = self.shutdown.interrupt();
        let interrupt = Interrupt::clone(&registered);
        request.extensions_mut().insert(interrupt.clone());
        let request = request.map(|body| RequestBody::new(body, interrupt));
        ResponseFuture::new(self.inner.call(request), registered)
    }
}
