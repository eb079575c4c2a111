//! Shows the memory of the [budget](super::budget) in metrics, if there are any.

/// Shows nothing, unless it was created for metrics. Clones show the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    #[cfg(feature = "metrics")]
    gauges: Option<std::sync::Arc<Gauges>>,
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
        let gauges = Gauges {
            used: gauge!(name("bytes")),
            waiting: gauge!(name("waiting")),
        };
        Self {
            gauges: Some(gauges.into()),
        }
    }

    pub(super) fn lent(&self, bytes: u64) {
        if let Some(gauges) = &self.gauges {
            gauges.used.increment(bytes as f64);
        }
    }

    pub(super) fn returned(&self, bytes: u64) {
        if let Some(gauges) = &self.gauges {
            gauges.used.decrement(bytes as f64);
        }
    }

    pub(super) fn waiting(&self, requests: usize) {
        if let Some(gauges) = &self.gauges {
            gauges.waiting.set(requests as f64);
        }
    }
}

#[cfg(not(feature = "metrics"))]
impl Shown {
    pub(super) fn lent(&self, _: u64) {}

    pub(super) fn returned(&self, _: u64) {}

    pub(super) fn waiting(&self, _: usize) {}
}
