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
        asked: bool,
    }
}

impl<F> ResponseFuture<F> {
    /// `origin` is one that is allowed.
    pub(super) const fn new(
        future: F,
        policy: Arc<Policy>,
        origin: Option<HeaderValue>,
        asked: bool,
    ) -> Self {
        Self {
            future,
            policy,
            origin,
            asked,
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
            this.policy.grant(origin, *this.asked, headers);
        }
        Poll::Ready(Ok(response))
    }
}
