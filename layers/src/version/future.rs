use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use headers::HeaderMapExt;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::answer::Answer;
use crate::protocol::header::TusResumable;

pin_project! {
    /// The response future of [`Version`](super::Version).
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
        let this = self.project();
        let mut response = ready!(this.answer.poll(cx))?;
        let headers = response.headers_mut();
        headers.typed_insert(TusResumable); // CORE-06
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Poll::Ready(Ok(response))
    }
}
