use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{Error, UploadId};

/// Minimum time between two log lines about failures of one kind.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// Maximum number of kinds; those beyond share one.
const MOST_KINDS: usize = 64;

/// Logs failures of the background work, once per kind and time rather than once per
/// upload and pass. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct Complaints(Arc<Mutex<HashMap<Kind, Logged>>>);

/// What failed, and the code of the error.
type Kind = (&'static str, &'static str);

struct Logged {
    at: Instant,
    /// Failures since then.
    unlogged: u64,
}

impl Complaints {
    /// Counts a failure of `work`, and logs it unless one like it was logged lately.
    pub(super) fn count(&self, work: &'static str, id: Option<&UploadId>, error: &Error) {
        let Some(unlogged) = self.is_due((work, error.code())) else {
            return;
        };
        let id = id.map(tracing::field::display);
        let source = error.source().map(tracing::field::display);
        // The number of similar failures since the last line.
        tracing::warn!(id, %error, source, unlogged, "{work} failed");
    }

    /// Returns the number of failures that were not logged if one is to be logged now.
    fn is_due(&self, kind: Kind) -> Option<u64> {
        // A panic under the mutex cannot leave the map inconsistent.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = match kinds.len() < MOST_KINDS || kinds.contains_key(&kind) {
            true => kind,
            false => ("", ""),
        };
        let now = Instant::now();
        if let Some(logged) = kinds.get_mut(&kind)
            && now.duration_since(logged.at) < PERIOD
        {
            logged.unlogged += 1;
            return None;
        }
        let logged = Logged {
            at: now,
            unlogged: 0,
        };
        Some(kinds.insert(kind, logged).map_or(0, |it| it.unlogged))
    }
}

impl fmt::Debug for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaints").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_of_one_kind_are_logged_once_per_time_with_their_number() {
        let complaints = Complaints::default();
        let (here, there) = (("a", "ERR_A"), ("a", "ERR_B"));
        assert_eq!(complaints.is_due(here), Some(0));
        assert_eq!(complaints.is_due(here), None);
        assert_eq!(complaints.is_due(there), Some(0));
        assert_eq!(complaints.is_due(here), None);
        tokio::time::advance(PERIOD).await;
        assert_eq!(complaints.is_due(here), Some(2));
        assert_eq!(complaints.is_due(here), None);
    }
}
