use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use super::policy::{Policy, vary};

pin_project! {
    /// The response future of [`Cors`](super::Cors).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        policy: Arc<Policy>,
        origin: Option<HeaderValue>,
        is_preflight: bool,
    }
}

impl<F> ResponseFuture<F> {
    /// Creates the future. `origin` must be an allowed one.
    pub(super) const fn new(
        future: F,
        policy: Arc<Policy>,
        origin: Option<HeaderValue>,
        is_preflight: bool,
    ) -> Self {
        Self {
            future,
            policy,
            origin,
            is_preflight,
        }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(cx))?;
        let headers = response.headers_mut();
        vary(headers);
        if let Some(origin) = this.origin.take() {
            this.policy.grant(origin, *this.is_preflight, headers);
        }
        Poll::Ready(Ok(response))
    }
}
