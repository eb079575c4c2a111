use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::protocol::{Body, Error, Length, PolledFrame, Upload};

/// How many more bytes an upload accepts.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) bytes: u64,
    /// The error for one byte more.
    pub(super) excess: Error,
}

impl Room {
    /// Limits the upload to its length, which the request may declare, and to
    /// the maximum. The latter also applies to uploads with a deferred length,
    /// and to those created before it was set.
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

/// A body that yields only what the room allows, and fails if more arrives; the
/// bytes before are kept.
// AMB-03
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

    /// Truncates `data` to the room that is left, and takes that room.
    fn fit(&mut self, mut data: Bytes) -> Result<Bytes, Error> {
        let bytes = data.len();
        data.truncate(usize::try_from(self.room.bytes).unwrap_or(usize::MAX));
        self.room.bytes -= data.len() as u64;
        self.over = data.len() < bytes;
        // The first bytes are still accepted; the error follows them.
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
