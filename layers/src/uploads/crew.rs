use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use crate::protocol::{BoxError, Error, Shutdown};

/// Maximum number of uploads that one pass works on at once.
const HANDS: u32 = 8;

/// Runs jobs in tasks of their own, a limited number at once. Dropping a crew, or a
/// future of it, stops no job that has begun: a call of a store must not be dropped.
#[derive(Debug)]
pub(super) struct Crew {
    hands: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Crew {
    pub(super) fn new(shutdown: &Shutdown) -> Self {
        Self {
            hands: Arc::new(Semaphore::new(HANDS as usize)),
            shutdown: shutdown.clone(),
        }
    }

    /// Waits until a hand is free, and starts the job.
    pub(super) async fn start(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Nothing closes the semaphore.
        let hand = Arc::clone(&self.hands).acquire_owned().await;
        let running = self.shutdown.task();
        let job = async move {
            job.await;
            drop((hand, running));
        };
        tokio::spawn(job.instrument(Span::current()));
    }

    /// Waits until all jobs have ended.
    pub(super) async fn ended(&self) {
        drop(self.hands.acquire_many(HANDS).await);
    }
}

/// Runs a job to its end, even if the returned future is dropped. The shutdown waits
/// for it.
pub(super) async fn to_its_end<T: Send + 'static>(
    shutdown: &Shutdown,
    job: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let running = shutdown.task();
    let job = async move {
        let result = job.await;
        drop(running);
        result
    };
    let done = tokio::spawn(job.instrument(Span::current())).await;
    done.unwrap_or_else(|panic| Err(Error::internal(BoxError::from(panic))))
}
