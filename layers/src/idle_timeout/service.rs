use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as _;
use tower_service::Service;

use super::body::Idle;
use crate::inner::gives_inner;
use crate::protocol::Body;

/// Middleware that ends a request body when the client pauses for too long.
///
/// See the [module docs](crate::idle_timeout) for an example.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimeout<S> {
    inner: S,
    timeout: Duration,
}

gives_inner!(IdleTimeout);

impl<S> IdleTimeout<S> {
    /// Wraps `inner`, and ends request bodies that pause for `timeout`.
    pub fn new(inner: S, timeout: Duration) -> Self {
        Self { inner, timeout }
    }
}

impl<S> Service<Request<Body>> for IdleTimeout<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let timeout = self.timeout;
        self.inner
            .call(request.map(|body| match body.is_end_stream() {
                true => body,
                false => body.watched(Idle::new(timeout)),
            }))
    }
}
