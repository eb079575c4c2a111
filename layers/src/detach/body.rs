use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use super::linger::Unread;

/// Where an unread body comes back to.
pub(super) type Returned<B> = oneshot::Receiver<Unread<B>>;

/// The request body of [`Detach`](super::Detach): the one below, which comes
/// back when it is dropped before its end.
#[derive(Debug)]
pub struct RequestBody<B> {
    /// There until it is dropped.
    body: Option<B>,
    back: Option<oneshot::Sender<Unread<B>>>,
    /// Whether the client sends: it waits for `100 Continue` until the first poll.
    sends: bool,
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new(body: B, headers: &HeaderMap) -> (Self, Returned<B>) {
        let (back, returned) = oneshot::channel();
        let this = Self {
            back: (!body.is_end_stream()).then_some(back),
            body: Some(body),
            sends: !headers.contains_key(EXPECT),
        };
        (this, returned)
    }

    fn body(&self) -> &B {
        self.body.as_ref().expect("it is there until it is dropped")
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.sends = true;
        let body = self.body.as_mut().expect("it is there until it is dropped");
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            // Nothing is left to read.
            self.back = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

impl<B> Drop for RequestBody<B> {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            let sends = self.sends;
            // Nobody waits for it when the request has panicked.
            drop(back.send(Unread { body, sends }));
        }
    }
}
