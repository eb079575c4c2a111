use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use crate::protocol::{Body, PolledFrame, Watch};

/// Counts the bytes of a body; other clones can read the count meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Count(Arc<AtomicU64>);

impl Count {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Watch for Count {
    fn poll_frame(&mut self, body: &mut Body, cx: &mut Context<'_>) -> PolledFrame {
        let frame = ready!(body.poll_next(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }
}
