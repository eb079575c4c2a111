//! Histograms of durations.

use std::sync::atomic::Ordering::Relaxed;

use metrics::atomics::AtomicU64;
use metrics::{GaugeFn, HistogramFn};

/// Bounds of all histograms in seconds: from a small file on a fast disk to a large
/// one on a slow connection.
const BOUNDS: [f64; 13] = [
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0,
];

/// Counts of durations between fixed bounds.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Values up to each bound and above the one before. The last ones are above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// The bits of a floating-point number.
    sum: AtomicU64,
}

impl Histogram {
    /// Each bound, and the number of values up to it, at last infinity with all values.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |total, (bound, count)| {
            *total += count.load(Relaxed);
            Some((bound, *total))
        })
    }

    pub(super) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Relaxed))
    }
}

impl HistogramFn for Histogram {
    fn record(&self, value: f64) {
        let bucket = BOUNDS.iter().position(|bound| value <= *bound);
        self.counts[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
        GaugeFn::increment(&self.sum, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn a_value_counts_in_each_bucket_from_its_own_on() {
        let histogram = Histogram::default();
        for value in [0.0, 0.001, 0.0011, 3600.0, 5000.0] {
            histogram.record(value);
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets[0], (0.001, 2));
        assert!(buckets[1..12].iter().all(|(_, count)| *count == 3));
        assert_eq!(buckets[12..], [(3600.0, 4), (f64::INFINITY, 5)]);
        assert!((histogram.sum() - 8600.0021).abs() < 1e-9);
    }

    #[test]
    fn no_value_is_lost_when_many_threads_record() {
        // Enough that the threads run beside each other for some time.
        const EACH: u32 = 500_000;
        let histogram = Histogram::default();
        let all_are_there = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    all_are_there.wait();
                    (0..EACH).for_each(|_| histogram.record(0.25));
                });
            }
        });
        let all = u64::from(4 * EACH);
        assert_eq!(histogram.buckets().last(), Some((f64::INFINITY, all)));
        assert_eq!(histogram.sum(), f64::from(EACH));
    }
}
