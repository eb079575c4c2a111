use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Histogram, histogram};

use super::names::described_histogram;
use super::stopwatch::Stopwatch;
use crate::lock::{Guard, Locker};
use crate::protocol::{Error, Interrupt, UploadId};

/// A locker that measures how long requests wait for their locks.
///
/// See the [module docs](crate::metrics) for an example.
#[derive(Clone, Debug)]
pub struct TimedLocker {
    locker: Arc<dyn Locker>,
    wait: Histogram,
}

impl TimedLocker {
    /// Wraps `locker`; the name of the metric begins with `prefix` and `_`. The
    /// metric is registered here, with the recorder that is installed at this
    /// moment.
    #[must_use]
    pub fn new(locker: Arc<dyn Locker>, prefix: &str) -> Self {
        let text = "Time until a lock was had, or given up.";
        Self {
            locker,
            wait: histogram!(described_histogram(prefix, "lock_wait_seconds", text)),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Locker for TimedLocker {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let _time = Stopwatch::start(&self.wait);
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn observe(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let _time = Stopwatch::start(&self.wait);
        self.locker.observe(id, interrupt, timeout).await
    }

    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let _time = Stopwatch::start(&self.wait);
        self.locker.acquire_new(id, interrupt, timeout).await
    }

    async fn acquire_to_terminate(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let _time = Stopwatch::start(&self.wait);
        self.locker
            .acquire_to_terminate(id, interrupt, timeout)
            .await
    }

    // These wait for nobody.
    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.locker.try_acquire(id, interrupt).await
    }

    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        self.locker.is_held(id).await
    }
}
