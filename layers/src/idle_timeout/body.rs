use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::wait::Wait;
use crate::protocol::{BoxError, Error};

pin_project! {
    /// The request body of [`IdleTimeout`](super::IdleTimeout): the one below,
    /// until it has been waited for too long.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        body: B,
        timeout: Duration,
        // There while the reader waits.
        wait: Option<Wait>,
        // Made by the first wait.
        #[pin]
        clock: Option<Sleep>,
        over: bool,
    }
}

impl<B> RequestBody<B> {
    pub(super) const fn new(body: B, timeout: Duration) -> Self {
        Self {
            body,
            timeout,
            wait: None,
            clock: None,
            over: false,
        }
    }

    /// Goes on waiting until it has been too long.
    fn poll_too_long(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let wait = this.wait.get_or_insert_with(|| Wait::new(*this.timeout));
        while let Some(tick) = wait.next_tick() {
            match this.clock.as_mut().as_pin_mut() {
                Some(clock) => clock.reset(wait.polled() + tick),
                None => this.clock.set(Some(sleep(tick))),
            }
            let clock = this.clock.as_mut().as_pin_mut();
            ready!(clock.expect("it was made above").poll(cx));
        }
        Poll::Ready(())
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
        if self.over {
            return Poll::Ready(None);
        }
        // What is there counts, however late it is.
        if let Poll::Ready(frame) = self.as_mut().project().body.poll_frame(cx) {
            *self.project().wait = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from_body)));
        }
        ready!(self.as_mut().poll_too_long(cx));
        *self.project().over = true;
        Poll::Ready(Some(Err(Error::ReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
