//! A body, or none.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The request body of a service that is asked for more than the client has
    /// asked for: the client's, or none.
    #[derive(Debug)]
    pub struct Optional<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B> Optional<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body: Some(body) }
    }

    pub(crate) const fn empty() -> Self {
        Self { body: None }
    }
}

impl<B: Body> Body for Optional<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().body.as_pin_mut() {
            Some(body) => body.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
