use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::check::Check;
use crate::protocol::{BoxError, Error};

pin_project! {
    /// The request body of [`Checksum`](super::Checksum): the one below, which
    /// errs at its end when its bytes are not what they should be.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        body: B,
        // There until it is decided.
        check: Option<Check>,
        ended: bool,
    }
}

impl<B> RequestBody<B> {
    pub(super) const fn new(body: B, check: Option<Check>) -> Self {
        Self {
            body,
            check,
            ended: false,
        }
    }
}

impl<B> RequestBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    /// The next frame, which the check has seen; nothing once all has been.
    fn poll_seen(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        if let Some(check) = this.check
            && let Err(error) = ready!(check.poll_room(cx))
        {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = ready!(this.body.poll_frame(cx));
        *this.ended = frame.is_none();
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Error::from_body)?;
            let check = this.check.as_mut();
            check.map_or(Ok(()), |check| check.see(&frame))?;
            Ok(frame)
        }))
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let seen = match ready!(self.as_mut().poll_seen(cx)) {
            Some(seen) => Some(seen),
            None => match self.as_mut().project().check {
                Some(check) => ready!(check.poll_verify(cx)).err().map(Err),
                None => None,
            },
        };
        if !matches!(seen, Some(Ok(_))) {
            *self.project().check = None;
        }
        Poll::Ready(seen)
    }

    fn is_end_stream(&self) -> bool {
        // CHK-15: who is told that it has ended asks no more, and hears no verdict.
        self.check.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
