use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use crate::answer::Answer;

pin_project! {
    /// The response future of [`Hooked`](super::Hooked).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(answer: Answer<F>) -> Self {
        Self { answer }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().answer.poll(cx)
    }
}
