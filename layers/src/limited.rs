//! A body with an end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::protocol::{BoxError, Error};

pin_project! {
    /// A body that yields no more than there is room for, and errs when more
    /// comes: what fits is still good. When it is known before that more will
    /// come, it errs unread. AMB-03
    #[derive(Debug)]
    pub struct Limited<B> {
        #[pin]
        body: B,
        room: u64,
        excess: Error,
        over: bool,
    }
}

impl<B: Body> Limited<B> {
    /// The first `room` bytes of `body`, and then `excess` in place of more.
    pub(crate) fn new(body: B, room: u64, excess: Error) -> Self {
        Self {
            over: body.size_hint().lower() > room,
            body,
            room,
            excess,
        }
    }
}

impl<B> Body for Limited<B>
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
            return Poll::Ready(Some(Err(this.excess.clone())));
        }
        let frame = ready!(this.body.poll_frame(cx));
        let frame = frame.map(|frame| frame.map_err(Error::from_body));
        Poll::Ready(frame.map(|frame| match frame?.into_data() {
            Ok(data) => {
                let bytes = data.len();
                let data = fit(data, this.room);
                *this.over = data.len() < bytes;
                // The first bytes are still good; the error comes behind them.
                match *this.over && data.is_empty() {
                    true => Err(this.excess.clone()),
                    false => Ok(Frame::data(data)),
                }
            }
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

/// What of `data` there is room for, which takes it.
fn fit(mut data: Bytes, room: &mut u64) -> Bytes {
    data.truncate(usize::try_from(*room).unwrap_or(usize::MAX));
    *room -= data.len() as u64;
    data
}
