use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tower_layer::Layer;

use super::Lock;
use crate::lock::Locker;

/// Layer that applies [`Lock`].
///
/// See the [module docs](crate::lock) for an example.
#[derive(Clone, Debug)]
pub struct LockLayer {
    locker: Arc<dyn Locker>,
    timeout: Duration,
    writers: Option<Arc<Semaphore>>,
}

impl LockLayer {
    /// Locks by `locker`, which others may use too.
    #[must_use]
    pub fn new(locker: Arc<dyn Locker>) -> Self {
        Self {
            locker,
            timeout: Duration::from_secs(20),
            writers: None,
        }
    }

    /// How long a request waits for its upload: 20 seconds unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits how many PATCH requests may hold or wait for an upload at once;
    /// unlimited by default.
    ///
    /// Each may hold an open data file and an open lock file until its last byte
    /// has come. Beyond the limit PATCH answers `503 ERR_SERVER_BUSY` with
    /// `Retry-After` before its body is read.
    #[must_use]
    pub fn max_writers(mut self, writers: usize) -> Self {
        let writers = writers.min(Semaphore::MAX_PERMITS);
        self.writers = Some(Arc::new(Semaphore::new(writers)));
        self
    }
}

impl<S> Layer<S> for LockLayer {
    type Service = Lock<S>;

    fn layer(&self, inner: S) -> Lock<S> {
        Lock::new(inner, Arc::clone(&self.locker), self.timeout).writers(self.writers.clone())
    }
}
