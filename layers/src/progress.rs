//! Observes how the bytes of a request arrive.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::protocol::{Body, PolledFrame, Watch};
use crate::race::first;

/// Counts the bytes of a body; other clones can read the count meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicU64>);

impl Count {
    pub(crate) fn bytes(&self) -> u64 {
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

/// Calls `tick` at each interval until the future ends.
pub(crate) async fn watch<F: Future>(future: F, interval: Duration, tick: impl Fn()) -> F::Output {
    // Tokio's timer panics on an interval of zero.
    let interval = interval.max(Duration::from_millis(1));
    let mut future = pin!(future);
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ended = async { Some(future.as_mut().await) };
        let ticked = async {
            ticks.tick().await;
            None
        };
        if let Some(output) = first(ended, ticked).await {
            return output;
        }
        tick();
    }
}
