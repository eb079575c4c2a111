//! Metrics of the calls to the object store, under the names of tusd where it has any.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use super::keys::{INFO, PART};
use super::objects::{Call, Kind, ObjectError, Watch};

/// Counts calls and bytes, and measures how long calls take.
#[derive(Debug)]
pub(super) struct CallMetrics {
    prefix: String,
}

impl CallMetrics {
    /// The names of the metrics begin with `prefix`.
    pub(super) fn new(prefix: &str) -> Self {
        let prefix = format!("{prefix}_s3");
        let name = |name| format!("{prefix}_{name}");
        let text = "Duration of calls to the object store.";
        describe_histogram!(name("request_duration_seconds"), Unit::Seconds, text);
        for (counter, unit, text) in COUNTERS {
            describe_counter!(name(counter), unit, text);
        }
        Self { prefix }
    }

    fn name(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }
}

/// The first two are those of tusd's summary.
const COUNTERS: [(&str, Unit, &str); 6] = [
    (
        "request_duration_ms_sum",
        Unit::Milliseconds,
        "Time of all calls to the object store together.",
    ),
    (
        "request_duration_ms_count",
        Unit::Count,
        "Number of calls to the object store.",
    ),
    (
        "failures_total",
        Unit::Count,
        "Calls to the object store that have failed. Most are made again.",
    ),
    (
        "retries_total",
        Unit::Count,
        "Requests to the object store that were sent again within one call.",
    ),
    (
        "sent_bytes_total",
        Unit::Bytes,
        "Bytes that were sent to the object store.",
    ),
    (
        "received_bytes_total",
        Unit::Bytes,
        "Bytes that were received from the object store.",
    ),
];

impl Watch for CallMetrics {
    fn ended(&self, call: &Call<'_>) {
        let operation = operation(call);
        let labels = [("operation", operation.clone())];
        let millis = u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX);
        histogram!(self.name("request_duration_seconds"), &labels).record(call.took);
        counter!(self.name("request_duration_ms_sum"), &labels).increment(millis);
        counter!(self.name("request_duration_ms_count"), &labels).increment(1);
        counter!(self.name("retries_total"), &labels).increment(call.retries.into());
        counter!(self.name("sent_bytes_total")).increment(call.sent);
        counter!(self.name("received_bytes_total")).increment(call.received);
        if let Some(reason) = call.error.and_then(reason) {
            let labels = [("operation", operation), ("reason", reason.to_owned())];
            counter!(self.name("failures_total"), &labels).increment(1);
        }
    }
}

/// Names the call, and what it was about if tusd tells these apart.
fn operation(call: &Call<'_>) -> String {
    let name = call.kind.name();
    let object = match call.key {
        key if key.ends_with(INFO) => "info_object",
        key if key.ends_with(PART) => "part_object",
        _ => "object",
    };
    match call.kind {
        Kind::Get | Kind::Head | Kind::Put | Kind::Delete => format!("{name}_{object}"),
        _ => name.to_owned(),
    }
}

/// Names the failure, unless it is an answer that the store lives by.
const fn reason(error: &ObjectError) -> Option<&'static str> {
    match error {
        ObjectError::NotFound | ObjectError::Refused => None,
        ObjectError::Busy(_) => Some("busy"),
        ObjectError::Full(_) => Some("full"),
        ObjectError::Invalid(_) => Some("invalid"),
        ObjectError::Unknown(_) => Some("unanswered"),
    }
}
