use std::task::{Context, Poll, ready};

use http_body::Body as _;

use super::check::Check;
use crate::protocol::{Body, PolledFrame, Watch};

/// Ends a body with an error if its bytes do not match their checksum.
pub(super) struct Verified {
    /// `None` after the verdict.
    check: Option<Check>,
}

impl Verified {
    pub(super) const fn new(check: Check) -> Self {
        Self { check: Some(check) }
    }
}

impl Watch for Verified {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame {
        let Some(check) = &mut self.check else {
            return Poll::Ready(None);
        };
        if let Err(error) = ready!(check.poll_room(cx)) {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(frame) = ready!(body.poll_next(cx)) else {
            let verdict = ready!(check.poll_verify(cx));
            self.check = None;
            return Poll::Ready(verdict.err().map(Err));
        };
        Poll::Ready(Some(frame.and_then(|frame| {
            check.see(&frame)?;
            Ok(frame)
        })))
    }

    fn has_ended(&self, body: &Body) -> bool {
        // CHK-15: a reader that sees the end of the stream does not poll again, and
        // would miss the verdict.
        self.check.is_none() && body.is_end_stream()
    }
}
