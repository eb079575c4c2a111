use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::linger::Unread;
use crate::protocol::{Body, Error, PolledFrame};

/// Receives a body that was dropped unread.
pub(super) type Returned = oneshot::Receiver<Unread>;

/// A body that is sent back if it is dropped before its end.
pub(super) struct Returning {
    /// Taken on drop.
    body: Body,
    back: Option<oneshot::Sender<Unread>>,
    /// Whether the client is sending: with `Expect` it waits for `100 Continue` until
    /// the first poll.
    sends: bool,
}

impl Returning {
    pub(super) fn new(body: Body, headers: &HeaderMap) -> (Self, Returned) {
        let (back, returned) = oneshot::channel();
        let this = Self {
            back: Some(back),
            body,
            sends: !headers.contains_key(EXPECT),
        };
        (this, returned)
    }
}

impl HttpBody for Returning {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        self.sends = true;
        let frame: Option<Result<Frame<Bytes>, Error>> = ready!(self.body.poll_next(cx));
        if !matches!(frame, Some(Ok(_))) {
            // Nothing is left to read.
            self.back = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        let Some(back) = self.back.take() else { return };
        // Whoever knows the length need not ask for a frame after the last one.
        if !self.body.is_end_stream() {
            let (body, sends) = (std::mem::take(&mut self.body), self.sends);
            // The receiver is gone if the request has panicked.
            drop(back.send(Unread { body, sends }));
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn only_a_body_with_something_left_comes_back() {
        for (frames, comes_back) in [(0, true), (1, false), (2, false)] {
            let body = Body::new(Full::<Bytes>::from("bytes"));
            let (mut body, mut returned) = Returning::new(body, &HeaderMap::new());
            for _ in 0..frames {
                body.frame().await;
            }
            drop(body);
            assert_eq!(returned.try_recv().is_ok(), comes_back, "{frames}");
        }
    }
}
