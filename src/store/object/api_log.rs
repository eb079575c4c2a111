//! Logs the calls to the object store.

use super::objects::{Call, Watch};

/// Logs each call, without its bytes.
#[derive(Debug)]
pub(super) struct ApiLog;

impl Watch for ApiLog {
    fn ended(&self, call: &Call<'_>) {
        let error = call.error.map(ToString::to_string);
        tracing::debug!(
            operation = call.kind.name(),
            key = call.key,
            sent = call.sent,
            received = call.received,
            retries = call.retries,
            ms = call.took.as_millis(),
            error,
            "object store was called"
        );
    }
}
