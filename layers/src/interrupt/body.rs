use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::protocol::{BoxError, Error, Interrupt};

pin_project! {
    /// The request body of [`Interruptible`](super::Interruptible): the one
    /// below, until the interrupt fires.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        body: B,
        interrupt: Interrupt,
        over: bool,
    }
}

impl<B> RequestBody<B> {
    pub(super) const fn new(body: B, interrupt: Interrupt) -> Self {
        Self {
            body,
            interrupt,
            over: false,
        }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        // First, and at every poll: a fast sender must not outrun it.
        if let Poll::Ready(cause) = this.interrupt.poll_fired(cx) {
            *this.over = true;
            return Poll::Ready(Some(Err(cause)));
        }
        let frame = ready!(this.body.poll_frame(cx));
        *this.over = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame.map(|frame| frame.map_err(Error::from_body)))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
