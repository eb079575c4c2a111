use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep_until};

use super::wait::Wait;
use crate::protocol::{Body, Error, PolledFrame, Watch};

/// Ends a body with an error when its reader has waited too long.
pub(super) struct Idle {
    timeout: Duration,
    /// Set while the reader waits.
    wait: Option<Wait>,
    /// Created by the first wait. A frame does not move it: if it fires too early for
    /// the current wait, it is set again.
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
        loop {
            if let Some(clock) = &mut self.clock {
                ready!(clock.as_mut().poll(cx));
            }
            let Some(next) = wait.next_poll() else {
                return Poll::Ready(());
            };
            match &mut self.clock {
                Some(clock) => clock.as_mut().reset(next),
                None => self.clock = Some(Box::pin(sleep_until(next))),
            }
        }
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
