//! Bodies whose frames a layer observes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, Error};

/// The next frame of a body.
pub(crate) type PolledFrame = Poll<Option<Result<Frame<Bytes>, Error>>>;

/// Observes a body frame by frame, and may end it with an error.
///
/// It is not polled again after the end or an error.
pub(crate) trait Watch: Send + 'static {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame;

    /// Returns whether nothing is left to poll once `body` reports its end.
    fn has_ended(&self, body: &Body) -> bool {
        body.is_end_stream()
    }
}

/// A body that is observed.
pub(super) struct Watched<W> {
    pub(super) body: Body,
    pub(super) watch: W,
}

impl<W> Unpin for Watched<W> {}

impl<W: Watch> HttpBody for Watched<W> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        let Self { body, watch } = &mut *self;
        watch.poll_frame(body, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.watch.has_ended(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
