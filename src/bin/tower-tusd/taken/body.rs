//! A body that tells when its bytes are taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::Given;

pin_project_lite::pin_project! {
    /// A response body whose bytes are watched.
    #[derive(Debug)]
    pub(crate) struct GivenBody<B> {
        #[pin]
        body: B,
        given: Given,
    }
}

impl<B> GivenBody<B> {
    pub(super) const fn new(body: B, given: Given) -> Self {
        Self { body, given }
    }
}

impl<B: Body<Data = Bytes>> Body for GivenBody<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let this = self.project();
        // hyper asks for more than a client may ever take.
        ready!(this.given.poll_room(cx));
        let frame = ready!(this.body.poll_frame(cx));
        let piece = |bytes| Piece::new(bytes, this.given.clone());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that tell when some of them are taken.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    given: Given,
}

impl Piece {
    pub(crate) fn new(bytes: Bytes, given: Given) -> Self {
        given.change(|state| {
            state.pieces += 1;
            state.unsent += bytes.len();
            state.few = bytes.len() / 2;
        });
        Self { bytes, given }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.given.change(|state| state.unsent -= count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let left = self.bytes.len();
        self.given.change(|state| {
            state.pieces -= 1;
            state.unsent -= left;
        });
    }
}
