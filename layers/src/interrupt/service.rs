use std::task::{Context as TaskContext, Poll};

use http::{Request, Response};
use http_body::Body as _;
use tower_service::Service;

use super::ResponseFuture;
use super::body::Interruptible;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::{Body, Interrupt, Shutdown};

/// Middleware that lets others end the body of a request.
///
/// See the [module docs](crate::interrupt) for an example.
#[derive(Clone, Debug)]
pub struct InterruptService<S> {
    inner: S,
    shutdown: Shutdown,
}

gives_inner!(InterruptService);

impl<S> InterruptService<S> {
    /// Wraps `inner`, and interrupts its requests when `shutdown` begins.
    pub fn new(inner: S, shutdown: Shutdown) -> Self {
        Self { inner, shutdown }
    }
}

impl<S> Service<Request<Body>> for InterruptService<S>
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
        let registered = self.shutdown.interrupt();
        let interrupt = Interrupt::clone(&registered);
        let context = Context::of_mut(request.extensions_mut());
        context.pass(Place::Interrupt);
        context.set_interrupt(interrupt.clone());
        let request = request.map(|body| match body.is_end_stream() {
            true => body,
            false => body.watched(Interruptible(interrupt)),
        });
        ResponseFuture::new(self.inner.call(request), registered)
    }
}
