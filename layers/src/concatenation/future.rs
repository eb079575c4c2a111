use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::answer::Answer;
use crate::protocol::header::announce;

pin_project! {
    /// The response future of [`Concatenation`](super::Concatenation).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        // The extensions to announce.
        extensions: &'static [&'static str],
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(answer: Answer<F>, extensions: &'static [&'static str]) -> Self {
        Self { answer, extensions }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(cx))?;
        for extension in *this.extensions {
            announce(response.headers_mut(), extension);
        }
        Poll::Ready(Ok(response))
    }
}
