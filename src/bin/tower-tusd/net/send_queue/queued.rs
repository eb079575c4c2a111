//! Bodies and bytes that report when they are sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::SendQueue;

pin_project_lite::pin_project! {
    /// A response body whose bytes count as queued.
    #[derive(Debug)]
    pub(crate) struct QueuedBody<B> {
        #[pin]
        body: B,
        queue: SendQueue,
    }
}

impl<B> QueuedBody<B> {
    pub(super) const fn new(body: B, queue: SendQueue) -> Self {
        Self { body, queue }
    }
}

impl<B: Body<Data = Bytes>> Body for QueuedBody<B> {
    type Data = QueuedBytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<QueuedBytes>, B::Error>>> {
        let this = self.project();
        // hyper asks for more than a client may ever read.
        ready!(this.queue.poll_room(cx));
        let frame = ready!(this.body.poll_frame(cx));
        let piece = |bytes| QueuedBytes::new(bytes, this.queue.clone());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that report when some of them are sent.
#[derive(Debug)]
pub(crate) struct QueuedBytes {
    bytes: Bytes,
    queue: SendQueue,
}

impl QueuedBytes {
    pub(crate) fn new(bytes: Bytes, queue: SendQueue) -> Self {
        queue.change(|state| {
            state.queued += 1;
            state.unsent += bytes.len();
            state.few = bytes.len() / 2;
        });
        Self { bytes, queue }
    }
}

impl Buf for QueuedBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.queue.change(|state| state.unsent -= count);
    }
}

impl Drop for QueuedBytes {
    fn drop(&mut self) {
        let left = self.bytes.len();
        self.queue.change(|state| {
            state.queued -= 1;
            state.unsent -= left;
        });
    }
}
