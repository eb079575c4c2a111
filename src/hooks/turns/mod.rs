//! How many calls of hooks run at once, and who is next.

mod queue;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::{Error, Peer};

use self::queue::{Permit, Queue};

/// How many calls to a server run at once unless set.
#[cfg(any(feature = "hooks-grpc", feature = "hooks-http"))]
pub(super) const CALLS: usize = 256;

/// How long a question waits for its turn unless set.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds the calls that run at once. Connections take turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    running: Queue<Option<Peer>>,
    /// Notifications have as many, so that those which hang leave questions their turns.
    told: Arc<Semaphore>,
    patience: Duration,
}

/// The right to call a hook, until both are dropped.
#[derive(Debug)]
// Only processes give its parts back at different times.
#[cfg_attr(not(feature = "hooks-process"), allow(dead_code))]
pub(super) struct Turn {
    /// Held while the call is waited for.
    pub(super) running: Permit<Option<Peer>>,
    /// Held while a notification runs.
    pub(super) told: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many at once; 0 is any number.
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

    /// The same wait for other numbers.
    pub(super) fn concurrency(self, concurrency: usize) -> Self {
        Self::new(concurrency).patience(self.patience)
    }

    /// Waits for the turn of this event. Cancel safe, but for the place in the queue.
    ///
    /// # Errors
    ///
    /// [`Error::HooksBusy`], for questions whose client can ask again: only the
    /// end of an upload and what has happened already wait for as long as it takes.
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
        permit.expect("nobody closes it")
    }
}
