use std::task::{Context, Poll, ready};

use crate::protocol::{Body, Interrupt, PolledFrame, Watch};

/// Ends a body when its interrupt fires.
pub(super) struct Interruptible(pub(super) Interrupt);

impl Watch for Interruptible {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame {
        // First, and at every poll: a fast sender must not outrun it.
        if let Poll::Ready(cause) = self.0.poll_fired(cx) {
            return Poll::Ready(Some(Err(cause)));
        }
        Poll::Ready(ready!(body.poll_next(cx)))
    }
}
