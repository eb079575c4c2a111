//! Limits concurrent hook calls, and decides which one is next.

mod queue;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::{Error, Peer};

use self::queue::{Permit, Queue};

/// Default number of concurrent calls to a server.
#[cfg(any(feature = "hooks-grpc", feature = "hooks-http"))]
pub(super) const CALLS: usize = 256;

/// Default time that a deciding hook waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Limits the number of concurrent calls. Connections take turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    running: Queue<Option<Peer>>,
    /// A separate limit of the same size, so that hanging notifications cannot
    /// block deciding hooks.
    told: Arc<Semaphore>,
    patience: Duration,
}

/// The right to call a hook, until both fields are dropped.
#[derive(Debug)]
// Only process hooks release the fields at different times.
#[cfg_attr(not(feature = "hooks-process"), allow(dead_code))]
pub(super) struct Turn {
    /// Held while the caller waits for the hook.
    pub(super) running: Permit<Option<Peer>>,
    /// Held while a notification runs.
    pub(super) told: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Allows `concurrency` calls at once; 0 means unlimited.
    pub(super) fn new(concurrency: usize) -> Self {
        let concurrency = match concurrency {
            0 => Semaphore::MAX_PERMITS,
            concurrency => concurrency.min(Semaphore::MAX_PERMITS),
        };
        Self {
            running: Queue::new(concurrency),
            told: Arc::new(Semaphore::new(concurrency)),
            patience: PATIENCE,
        }
    }

    pub(super) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Changes the number of calls, and keeps the waiting time.
    pub(super) fn concurrency(self, concurrency: usize) -> Self {
        Self::new(concurrency).patience(self.patience)
    }

    /// Waits for the turn of an event. Cancel safe, except that it loses its
    /// place in the queue.
    ///
    /// # Errors
    ///
    /// [`Error::HooksBusy`] if `pre-create` or `pre-terminate` waits too long:
    /// their clients can retry. All other events wait without limit.
    pub(super) async fn take(&self, event: &Event) -> Result<Turn, Error> {
        let told = match event.kind.is_question() {
            true => None,
            false => Some(self.told().await),
        };
        let peer = Context::of(&event.request.extensions).peer();
        let turn = self.running.take(peer);
        let running = match event.kind {
            HookKind::PreCreate | HookKind::PreTerminate => timeout(self.patience, turn)
                .await
                .map_err(|_| Error::HooksBusy)?,
            _ => turn.await,
        };
        Ok(Turn { running, told })
    }

    async fn told(&self) -> OwnedSemaphorePermit {
        let permit = Arc::clone(&self.told).acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }
}
