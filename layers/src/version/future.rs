use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use headers::HeaderMapExt;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::future;
use crate::protocol::Body;
use crate::protocol::header::TusResumable;

pin_project! {
    /// The response future of [`Version`](super::Version).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        future: future::ResponseFuture<F>,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(future: future::ResponseFuture<F>) -> Self {
        Self { future }
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
        let headers = response.headers_mut();
        headers.typed_insert(TusResumable); // CORE-06
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Poll::Ready(Ok(response))
    }
}
