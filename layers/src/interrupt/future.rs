use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::protocol::Registered;

pin_project! {
    /// The response future of [`InterruptService`](super::InterruptService). A
    /// shutdown can interrupt the request until this future is done, even when
    /// the body has already ended.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        registered: Registered,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, registered: Registered) -> Self {
        Self { future, registered }
    }
}

impl<F: Future> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
