use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::answer::Answer;
use crate::protocol::header::{TUS_CHECKSUM_ALGORITHM, announce};

/// What OPTIONS tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) algorithms: HeaderValue,
    pub(super) extensions: &'static [&'static str],
}

pin_project! {
    /// The response future of [`Checksum`](super::Checksum).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        told: Option<Told>,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(answer: Answer<F>, told: Option<Told>) -> Self {
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
        if let Some(Told {
            algorithms,
            extensions,
        }) = this.told.take()
        {
            let headers = response.headers_mut();
            for extension in extensions {
                announce(headers, extension);
            }
            headers.insert(&TUS_CHECKSUM_ALGORITHM, algorithms); // CHK-10
        }
        Poll::Ready(Ok(response))
    }
}
