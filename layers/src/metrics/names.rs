//! Metrics by their names, described to the recorder.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The whole name of a counter.
pub(super) fn described_counter(
    prefix: &str,
    name: &str,
    unit: Unit,
    text: &'static str,
) -> String {
    let name = format!("{prefix}_{name}");
    describe_counter!(name.clone(), unit, text);
    name
}

/// The whole name of a gauge.
pub(super) fn described_gauge(prefix: &str, name: &str, text: &'static str) -> String {
    let name = format!("{prefix}_{name}");
    describe_gauge!(name.clone(), Unit::Count, text);
    name
}

/// The whole name of a histogram of seconds.
pub(super) fn described_histogram(prefix: &str, name: &str, text: &'static str) -> String {
    let name = format!("{prefix}_{name}");
    describe_histogram!(name.clone(), Unit::Seconds, text);
    name
}
