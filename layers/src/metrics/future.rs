use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::registry::Running;

pin_project! {
    /// The response future of [`Metrics`](super::Metrics). If it is dropped
    /// before it is done, the request counts as `unanswered`.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        running: Option<Running>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, running: Running) -> Self {
        Self {
            future,
            running: Some(running),
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
        let answer = ready!(this.future.poll(cx));
        if let (Some(running), Ok(response)) = (this.running.take(), &answer) {
            running.answered(response);
        }
        Poll::Ready(answer)
    }
}
