use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Algorithms;
use crate::protocol::Error;

/// The algorithms that clients which send trailers use. They are cheap, and their
/// number counts: all of them run over every byte.
const IN_TRAILERS: [&str; 4] = ["sha1", "sha256", "crc32", "crc32c"];

/// How many requests with a trailer may run at once.
const TRAILERS_AT_ONCE: usize = 100;

/// What the layer works with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) algorithms: Algorithms,
    /// Of those, the ones for trailers, if they were named.
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

    /// The algorithms that a trailer may name: no other ones than a header may.
    pub(super) fn in_trailers(&self) -> Algorithms {
        let may = |name: &str| match &self.in_trailers {
            Some(named) => named.get(name).is_some(),
            None => IN_TRAILERS.contains(&name),
        };
        let chosen = self.algorithms.iter().filter(|it| may(it.name()));
        chosen.cloned().fold(Algorithms::none(), Algorithms::with)
    }

    /// The right to run the digests of a trailer, until it is dropped.
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
