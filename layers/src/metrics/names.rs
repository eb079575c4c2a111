//! Names of metrics, with their descriptions registered.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Describes a counter, and returns its full name.
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

/// Describes a gauge, and returns its full name.
pub(super) fn described_gauge(prefix: &str, name: &str, text: &'static str) -> String {
    let name = format!("{prefix}_{name}");
    describe_gauge!(name.clone(), Unit::Count, text);
    name
}

/// Describes a histogram of seconds, and returns its full name.
pub(super) fn described_histogram(prefix: &str, name: &str, text: &'static str) -> String {
    let name = format!("{prefix}_{name}");
    describe_histogram!(name.clone(), Unit::Seconds, text);
    name
}
