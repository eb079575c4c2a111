use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::protocol::Shutdown;
use crate::race::first;

/// How often there is a line in the log at most.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts what clients can bring about as often as they like, for one line of
/// the log in a while.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicU64>);

impl Tally {
    /// Counts one, and has `report` called with all that were counted, at the
    /// end of a period or when the server stops.
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
