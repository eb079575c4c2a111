use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::protocol::{Body, Error, Length, PolledFrame, Upload};

/// How many more bytes an upload takes.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) bytes: u64,
    /// What refuses one more.
    pub(super) excess: Error,
}

impl Room {
    /// Up to its length, which the request may declare, and the maximum: a length
    /// that is deferred is no way around it, and neither is an upload from before
    /// it was set.
    pub(super) fn of(upload: &Upload, declared: Option<Length>, max: Option<u64>) -> Self {
        let length = declared.or(upload.length).unwrap_or(Length::MAX);
        let (end, excess) = match max {
            Some(max) if max < length.get() => (Length::saturating(max), Error::MaxSizeExceeded),
            _ => (length, Error::SizeExceeded),
        };
        Self {
            bytes: end.remaining(upload.offset),
            excess,
        }
    }
}

/// A body that yields no more than there is room for, and errs when more
/// comes: what fits is still good. AMB-03
#[derive(Debug)]
pub(super) struct Capped<'a> {
    body: &'a mut Body,
    room: Room,
    over: bool,
}

impl<'a> Capped<'a> {
    pub(super) const fn new(body: &'a mut Body, room: Room) -> Self {
        Self {
            body,
            room,
            over: false,
        }
    }

    /// What of `data` there is room for, which takes it.
    fn fit(&mut self, mut data: Bytes) -> Result<Bytes, Error> {
        let bytes = data.len();
        data.truncate(usize::try_from(self.room.bytes).unwrap_or(usize::MAX));
        self.room.bytes -= data.len() as u64;
        self.over = data.len() < bytes;
        // The first bytes are still good; the error comes behind them.
        match self.over && data.is_empty() {
            true => Err(self.room.excess.clone()),
            false => Ok(data),
        }
    }
}

impl HttpBody for Capped<'_> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        if self.over {
            return Poll::Ready(Some(Err(self.room.excess.clone())));
        }
        let frame = ready!(self.body.poll_next(cx));
        Poll::Ready(frame.map(|frame| match frame?.into_data() {
            Ok(data) => self.fit(data).map(Frame::data),
            Err(trailers) => Ok(trailers),
        }))
    }

    fn is_end_stream(&self) -> bool {
        !self.over && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
