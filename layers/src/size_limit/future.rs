use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use headers::HeaderMapExt;
use http::Response;
use pin_project_lite::pin_project;

use crate::answer::Answer;
use crate::protocol::header::TusMaxSize;

pin_project! {
    /// The response future of [`SizeLimit`](super::SizeLimit).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        told: Option<u64>,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(answer: Answer<F>, told: Option<u64>) -> Self {
        Self { answer, told }
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
        // CORE-14
        if let Some(max) = *this.told {
            let headers = response.headers_mut();
            headers.typed_insert(TusMaxSize::saturating(max));
        }
        Poll::Ready(Ok(response))
    }
}
