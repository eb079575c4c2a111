//! The gauge of open connections.

use metrics::{Gauge, Unit, describe_gauge, gauge};

use crate::flags::METRICS_PREFIX;

/// The gauge of open connections.
pub(super) fn connections_open() -> Gauge {
    let name = format!("{METRICS_PREFIX}_connections_open");
    describe_gauge!(name.clone(), Unit::Count, "Open connections.");
    gauge!(name)
}

/// Counts as an open connection until it is dropped.
pub(super) struct Open(Gauge);

impl Open {
    pub(super) fn begin(open: Gauge) -> Self {
        open.increment(1);
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
