use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::Locked;
use crate::lock::Locker;

/// Layer that applies [`Locked`].
///
/// See the [module docs](crate::locking) for an example.
#[derive(Clone, Debug)]
pub struct LockLayer {
    locker: Arc<dyn Locker>,
    timeout: Duration,
}

impl LockLayer {
    /// Locks by `locker`, which others may use too.
    #[must_use]
    pub const fn new(locker: Arc<dyn Locker>) -> Self {
        Self {
            locker,
            timeout: Duration::from_secs(20),
        }
    }

    /// How long a request waits for its upload: 20 seconds unless set.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<S> Layer<S> for LockLayer {
    type Service = Locked<S>;

    fn layer(&self, inner: S) -> Locked<S> {
        Locked::new(inner, Arc::clone(&self.locker), self.timeout)
    }
}
