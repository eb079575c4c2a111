use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::protocol::{Chunk, Error};

/// A chunk that yields no more than there is room for, and errs when more comes. AMB-03
pub(super) struct Limited<'a> {
    chunk: Chunk<'a>,
    room: u64,
    over: bool,
}

impl<'a> Limited<'a> {
    pub(super) fn new(chunk: Chunk<'a>, room: u64) -> Self {
        Self {
            chunk,
            room,
            over: false,
        }
    }

    /// What of `data` there is room for.
    fn fit(&mut self, mut data: Bytes) -> Result<Bytes, Error> {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        if data.len() > room {
            // The first bytes are still good; the error comes behind them.
            self.over = true;
            data.truncate(room);
            if data.is_empty() {
                return Err(Error::SizeExceeded);
            }
        }
        self.room -= data.len() as u64;
        Ok(data)
    }
}

impl Body for Limited<'_> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.over {
            return Poll::Ready(Some(Err(Error::SizeExceeded)));
        }
        let frame = ready!(self.chunk.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame?.into_data() {
            Ok(data) => self.fit(data).map(Frame::data),
            Err(trailers) => Ok(trailers),
        }))
    }

    fn is_end_stream(&self) -> bool {
        !self.over && self.chunk.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.chunk.size_hint()
    }
}
