use std::fmt;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Events;
use crate::protocol::{Outcome, Upload};

/// Hears of complete uploads that requests of clients leave unfinished.
///
/// A limited number waits to be heard of. If more come, the oldest ones are missed.
pub(crate) struct Unfinished(broadcast::Receiver<Arc<Upload>>);

impl Events {
    /// Starts to listen for uploads that are left unfinished. This is no
    /// [subscription](Self::subscribe): requests pay nothing for it.
    pub(crate) fn unfinished(&self) -> Unfinished {
        Unfinished(self.unfinished.subscribe())
    }

    /// Tells which complete uploads the request of a client has left unfinished.
    pub(super) fn tell_unfinished(&self, outcome: &Outcome) {
        if self.unfinished.receiver_count() == 0 {
            return;
        }
        for upload in left_unfinished(outcome) {
            // It fails if nobody listens any more.
            let _ = self.unfinished.send(Arc::new(upload.clone()));
        }
    }
}

impl Unfinished {
    /// Waits for the next one. Cancel safe: none is lost.
    pub(crate) async fn next(&mut self) -> Arc<Upload> {
        loop {
            match self.0.recv().await {
                Ok(upload) => return upload,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => pending().await,
            }
        }
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished").finish_non_exhaustive()
    }
}

/// Returns the complete uploads that a request has left unfinished, its own and others.
pub(crate) fn left_unfinished(outcome: &Outcome) -> Vec<&Upload> {
    let is_there = !outcome.terminated && !outcome.expired;
    let upload = Some(&outcome.upload);
    let own = upload.filter(|it| is_there && it.is_complete() && !it.is_finished());
    let others = outcome.others.iter().flat_map(left_unfinished);
    own.into_iter().chain(others).collect()
}
