use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Method, Response};
use pin_project_lite::pin_project;

use super::writer::Writer;
use crate::protocol::Body;

pin_project! {
    /// The response future of [`Render`](super::Render).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        method: Method,
        writer: Writer,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, method: Method, writer: Writer) -> Self {
        Self {
            future,
            method,
            writer,
        }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(cx))?;
        this.writer.finish(this.method, &mut response);
        Poll::Ready(Ok(response))
    }
}
