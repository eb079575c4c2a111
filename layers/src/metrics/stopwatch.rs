use metrics::Histogram;
use tokio::time::Instant;

/// Records a duration when it is dropped, even if the operation failed or was
/// given up.
#[must_use]
pub(super) struct Stopwatch<'a> {
    histogram: &'a Histogram,
    begun: Instant,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn start(histogram: &'a Histogram) -> Self {
        Self {
            histogram,
            begun: Instant::now(),
        }
    }
}

impl Drop for Stopwatch<'_> {
    fn drop(&mut self) {
        self.histogram.record(self.begun.elapsed());
    }
}
