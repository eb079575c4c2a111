//! Shows the memory of the [budget](super::budget) in metrics, if there are any.

use std::sync::Arc;

/// Shows nothing, unless it was created for metrics. Clones show the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Option<Arc<Gauges>>);

impl Shown {
    pub(super) fn lent(&self, bytes: u64) {
        if let Some(gauges) = &self.0 {
            gauges.lent(bytes);
        }
    }

    pub(super) fn returned(&self, bytes: u64) {
        if let Some(gauges) = &self.0 {
            gauges.returned(bytes);
        }
    }

    pub(super) fn waiting(&self, requests: usize) {
        if let Some(gauges) = &self.0 {
            gauges.waiting(requests);
        }
    }
}

#[cfg(feature = "metrics")]
#[derive(Debug)]
struct Gauges {
    used: metrics::Gauge,
    waiting: metrics::Gauge,
}

#[cfg(feature = "metrics")]
impl Shown {
    pub(super) fn new(prefix: &str, limit: u64) -> Self {
        use metrics::{Unit, describe_gauge, gauge};
        let name = |name| format!("{prefix}_s3_memory_{name}");
        let text = "Memory for bytes on their way to the object store.";
        describe_gauge!(name("bytes"), Unit::Bytes, text);
        let text = "Limit on this memory.";
        describe_gauge!(name("limit_bytes"), Unit::Bytes, text);
        let text = "Requests that wait for this memory.";
        describe_gauge!(name("waiting"), Unit::Count, text);
        gauge!(name("limit_bytes")).set(limit as f64);
        Self(Some(Arc::new(Gauges {
            used: gauge!(name("bytes")),
            waiting: gauge!(name("waiting")),
        })))
    }
}

#[cfg(feature = "metrics")]
impl Gauges {
    fn lent(&self, bytes: u64) {
        self.used.increment(bytes as f64);
    }

    fn returned(&self, bytes: u64) {
        self.used.decrement(bytes as f64);
    }

    fn waiting(&self, requests: usize) {
        self.waiting.set(requests as f64);
    }
}

/// There are none.
#[cfg(not(feature = "metrics"))]
#[derive(Debug)]
enum Gauges {}

#[cfg(not(feature = "metrics"))]
impl Gauges {
    fn lent(&self, _: u64) {
        match *self {}
    }

    fn returned(&self, _: u64) {
        match *self {}
    }

    fn waiting(&self, _: usize) {
        match *self {}
    }
}
