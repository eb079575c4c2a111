//! Counts errors by status and code.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use metrics::{Counter, Unit, counter};

use super::names::described_counter;
use crate::protocol::Error;

/// Maximum number of separately counted pairs of status and code, besides those
/// of the kinds of errors.
const MAX_CUSTOM: usize = 64;

/// A counter for each pair of status and code.
pub(super) struct ByCode {
    name: String,
    kinds: HashMap<(StatusCode, &'static str), Counter>,
    /// Pairs of rejections, which are not known in advance.
    custom: Mutex<HashMap<(StatusCode, &'static str), Counter>>,
}

impl ByCode {
    pub(super) fn new(prefix: &str) -> Self {
        let text = "Requests answered by an error, by its status and code.";
        let name = described_counter(prefix, "errors_total", Unit::Count, text);
        let kinds = Error::all_codes()
            // Like tusd.
            .filter(|(status, _)| *status != StatusCode::METHOD_NOT_ALLOWED)
            .map(|(status, code)| ((status, code), registered(&name, status.as_str(), code)))
            .collect();
        Self {
            name,
            kinds,
            custom: Mutex::default(),
        }
    }

    pub(super) fn count(&self, error: &Error) {
        if matches!(error, Error::MethodNotAllowed { .. }) {
            return;
        }
        let (status, code) = (error.status(), error.code());
        match self.kinds.get(&(status, code)) {
            Some(counter) => counter.increment(1),
            None => self.count_custom(status, code),
        }
    }

    /// Registers a new pair, up to the maximum.
    fn count_custom(&self, status: StatusCode, code: &'static str) {
        // A panic under the mutex cannot leave the map in an inconsistent
        // state.
        let mut custom = self.custom.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = custom.len() >= MAX_CUSTOM;
        match custom.get(&(status, code)) {
            Some(counter) => counter.increment(1),
            None if is_full => registered(&self.name, "other", "other").increment(1),
            None => {
                let counter = registered(&self.name, status.as_str(), code);
                counter.increment(1);
                custom.insert((status, code), counter);
            }
        }
    }
}

fn registered(name: &str, status: &str, code: &'static str) -> Counter {
    counter!(name.to_owned(), "status" => status.to_owned(), "code" => code)
}

impl fmt::Debug for ByCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByCode").finish_non_exhaustive()
    }
}
