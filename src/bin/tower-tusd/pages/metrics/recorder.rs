//! All metrics of the program.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::atomics::AtomicU64;
use metrics::{Counter, Gauge, Key, KeyName, Metadata, SharedString, Unit};

use super::histogram::Histogram;
use super::text::Page;

/// Gives out a handle for each metric, and renders all of them.
///
/// The mutex is for registrations and renderings: handles do without it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    descriptions: BTreeMap<KeyName, SharedString>,
    counters: BTreeMap<Key, Arc<AtomicU64>>,
    /// The bits of floating-point numbers.
    gauges: BTreeMap<Key, Arc<AtomicU64>>,
    histograms: BTreeMap<Key, Arc<Histogram>>,
}

impl Recorder {
    /// Renders all metrics, sorted by their names.
    pub(super) fn render(&self) -> String {
        let registered = self.registered();
        let mut page = Page::new(&registered.descriptions);
        for (key, count) in &registered.counters {
            page.counter(key, count.load(Relaxed));
        }
        for (key, value) in &registered.gauges {
            page.gauge(key, f64::from_bits(value.load(Relaxed)));
        }
        for (key, histogram) in &registered.histograms {
            page.histogram(key, histogram);
        }
        page.end()
    }

    fn describe(&self, name: KeyName, text: SharedString) {
        self.registered().descriptions.insert(name, text);
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        // No change is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the metric with this key, which is made if there is none.
fn registered<T: Default>(metrics: &mut BTreeMap<Key, Arc<T>>, key: &Key) -> Arc<T> {
    let metric = metrics.entry(key.clone()).or_default();
    Arc::clone(metric)
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(name, text);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(name, text);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(name, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(registered(&mut self.registered().counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(registered(&mut self.registered().gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(registered(&mut self.registered().histograms, key))
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, describe_counter, describe_histogram, gauge, histogram};

    use super::*;

    #[test]
    fn every_kind_of_metric_is_rendered_as_prometheus_reads_it() {
        let recorder = Recorder::default();
        metrics::with_local_recorder(&recorder, || {
            describe_counter!("requests_total", "Requests,\nby \\ \"method\".");
            describe_histogram!("wait_seconds", Unit::Seconds, "Time.");
            counter!("requests_total", "method" => "POST", "odd" => "\"\\\n").increment(2);
            counter!("requests_total", "method" => "GET", "odd" => "").increment(1);
            gauge!("open").set(1.5);
            histogram!("wait_seconds").record(0.002);
            histogram!("wait_seconds").record(7000.0);
        });
        let text = recorder.render();
        let expected = [
            r#"# HELP requests_total Requests,\nby \\ "method"."#,
            "# TYPE requests_total counter",
            r#"requests_total{method="GET",odd=""} 1"#,
            r#"requests_total{method="POST",odd="\"\\\n"} 2"#,
            "",
            "# TYPE open gauge",
            "open 1.5",
            "",
            "# HELP wait_seconds Time.",
            "# TYPE wait_seconds histogram",
            r#"wait_seconds_bucket{le="0.001"} 0"#,
            r#"wait_seconds_bucket{le="0.005"} 1"#,
        ];
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..expected.len()], expected, "{text}");
        let end = [
            r#"wait_seconds_bucket{le="3600"} 1"#,
            r#"wait_seconds_bucket{le="+Inf"} 2"#,
            "wait_seconds_sum 7000.002",
            "wait_seconds_count 2",
            "",
        ];
        assert_eq!(lines[lines.len() - end.len()..], end, "{text}");
    }

    #[test]
    fn a_metric_that_is_registered_again_goes_on() {
        let recorder = Recorder::default();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..2 {
                counter!("a").increment(1);
                gauge!("b").increment(1);
                histogram!("c").record(1.0);
            }
            counter!("a").absolute(5);
        });
        let text = recorder.render();
        for line in ["a 5\n", "b 2\n", "c_sum 2\n"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
