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
    /// Creates a layer that takes its locks from `locker`, which may be shared.
    #[must_use]
    pub fn new(locker: Arc<dyn Locker>) -> Self {
        Self {
            locker,
            timeout: Duration::from_secs(20),
            writers: None,
        }
    }

    /// Sets how long a request waits for its upload; 20 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits how many PATCH requests may hold or wait for a lock at once, over
    /// all uploads; unlimited by default.
    ///
    /// Each of them may keep a data file and a lock file open until its last
    /// byte has arrived. Beyond the limit PATCH answers `503 ERR_SERVER_BUSY`
    /// with `Retry-After`, before its body is read.
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
