use std::task::{Context, Poll, ready};

use crate::protocol::{Body, Interrupt, PolledFrame, Watch};

/// Ends a body when its interrupt fires.
pub(super) struct Interruptible(pub(super) Interrupt);

impl Watch for Interruptible {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame {
        // Checked first at every poll, so that a fast sender cannot outrun it.
        if let Poll::Ready(cause) = self.0.poll_fired(cx) {
            return Poll::Ready(Some(Err(cause)));
        }
        Poll::Ready(ready!(body.poll_next(cx)))
    }
}
