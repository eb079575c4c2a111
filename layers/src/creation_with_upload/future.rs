use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::answer::Answer;
use crate::protocol::header::announce;

pin_project! {
    /// The response future of [`CreationWithUpload`](super::CreationWithUpload).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        asked: bool,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(answer: Answer<F>, asked: bool) -> Self {
        Self { answer, asked }
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
        if *this.asked {
            // CWU-01, CWU-02: what is inside always creates, and says so.
            announce(response.headers_mut(), "creation-with-upload");
        }
        Poll::Ready(Ok(response))
    }
}
