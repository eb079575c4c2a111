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
    }
}

impl<B> RequestBody<B> {
    pub(super) const fn new(body: B, check: Option<Check>) -> Self {
        Self { body, check }
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
        let seen = match ready!(this.body.poll_frame(cx)) {
            Some(Ok(frame)) => {
                let seen = this
                    .check
                    .as_mut()
                    .map_or(Ok(()), |check| check.see(&frame));
                Some(seen.map(|()| frame))
            }
            Some(Err(error)) => Some(Err(Error::from_body(error))),
            None => {
                let verified = this.check.take().map_or(Ok(()), Check::verify);
                verified.err().map(Err)
            }
        };
        if matches!(seen, Some(Err(_))) {
            *this.check = None;
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
