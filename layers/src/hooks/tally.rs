use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::protocol::Shutdown;
use crate::race::first;

/// Minimum time between two log events.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts what clients can cause without limit, so that it is logged only once
/// per period.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicU64>);

impl Tally {
    /// Counts one occurrence. `report` is called with the total at the end of
    /// the period, or when the server shuts down.
    pub(super) fn count(&self, shutdown: &Shutdown, report: fn(u64)) {
        if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let (tally, mut task) = (self.clone(), shutdown.task());
        tokio::spawn(async move {
            first(sleep(PERIOD), task.begun()).await;
            report(tally.0.swap(0, Ordering::Relaxed));
        });
    }
}
