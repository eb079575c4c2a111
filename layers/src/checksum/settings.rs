use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Algorithms;
use crate::protocol::Error;

/// The default algorithms for trailers: the cheap ones that clients use. Their number
/// counts, since all of them run over every byte.
const IN_TRAILERS: [&str; 4] = ["sha1", "sha256", "crc32", "crc32c"];

/// The default limit on requests with a trailer at once.
const TRAILERS_AT_ONCE: usize = 100;

/// The configuration of the layer.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) algorithms: Algorithms,
    /// The subset allowed in trailers, or `None` for the default.
    in_trailers: Option<Algorithms>,
    at_once: Arc<Semaphore>,
}

impl Settings {
    pub(super) fn new(algorithms: Algorithms) -> Self {
        Self {
            algorithms,
            in_trailers: None,
            at_once: Arc::new(Semaphore::new(TRAILERS_AT_ONCE)),
        }
    }

    pub(super) fn name_for_trailers(&mut self, algorithms: Algorithms) {
        self.in_trailers = Some(algorithms);
    }

    pub(super) fn bound_trailers(&mut self, max: usize) {
        self.at_once = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
    }

    /// Returns the algorithms that a trailer may name, a subset of those for headers.
    pub(super) fn in_trailers(&self) -> Algorithms {
        let may = |name: &str| match &self.in_trailers {
            Some(named) => named.get(name).is_some(),
            None => IN_TRAILERS.contains(&name),
        };
        let chosen = self.algorithms.iter().filter(|it| may(it.name()));
        chosen.cloned().fold(Algorithms::none(), Algorithms::with)
    }

    /// Returns a permit to run the digests of a trailer, released on drop.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.at_once).try_acquire_owned();
        permit.map_err(|_| Error::TooManyTrailers)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Algorithms::default())
    }
}
