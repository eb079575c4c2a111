use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::wait::Wait;
use crate::protocol::{Body, Error, PolledFrame, Watch};

/// Ends a body with an error when its reader has waited too long.
pub(super) struct Idle {
    timeout: Duration,
    /// Set while the reader waits.
    wait: Option<Wait>,
    /// Created by the first wait.
    clock: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            wait: None,
            clock: None,
        }
    }

    /// Polls the timer; ready when the timeout has passed.
    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wait = self.wait.get_or_insert_with(|| Wait::new(self.timeout));
        while let Some(tick) = wait.next_tick() {
            let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(tick)));
            clock.as_mut().reset(wait.polled() + tick);
            ready!(clock.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

impl Watch for Idle {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame {
        // A frame that has arrived is delivered, however late it is.
        if let Poll::Ready(frame) = body.poll_next(cx) {
            self.wait = None;
            return Poll::Ready(frame);
        }
        ready!(self.poll_too_long(cx));
        Poll::Ready(Some(Err(Error::ReadTimeout)))
    }
}
