use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::protocol::Error;

/// A body whose frames arrive one by one, so that a store has to write each of
/// them, or all at once.
#[derive(Debug)]
pub(super) struct Pieces {
    frames: VecDeque<Result<Bytes, Error>>,
    waits: bool,
    pub(super) comes_at_once: bool,
    pub(super) was_read: bool,
}

impl Pieces {
    /// Splits a text into at most three frames.
    pub(super) fn of(text: &Bytes) -> Self {
        let size = text.len().div_ceil(3).max(1);
        let frames = text.chunks(size).map(|piece| Ok(text.slice_ref(piece)));
        Self {
            frames: frames.collect(),
            waits: false,
            comes_at_once: false,
            was_read: false,
        }
    }

    /// Lets all frames be there from the start.
    pub(super) fn at_once(mut self) -> Self {
        self.comes_at_once = true;
        self
    }

    /// Returns the number of bytes before the end or the error.
    pub(super) fn bytes(&self) -> u64 {
        let frames = self.frames.iter().flatten();
        frames.map(|frame| frame.len() as u64).sum()
    }

    pub(super) fn then(mut self, error: Error) -> Self {
        self.frames.push_back(Err(error));
        self
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.waits = !self.waits;
        if self.waits && !self.comes_at_once {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = self.frames.pop_front();
        self.was_read = frame.is_none();
        Poll::Ready(frame.map(|frame| frame.map(Frame::data)))
    }
}
