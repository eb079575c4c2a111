use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Returns the current time.
///
/// Everything that compares the times of uploads with the present has a clock, so that
/// tests can set it. A clone is the same clock.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::{Duration, SystemTime};
/// use tower_tus_layers::protocol::Clock;
///
/// let seconds = Arc::new(AtomicU64::new(0));
/// let clock = Clock::from_fn({
///     let seconds = Arc::clone(&seconds);
///     move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed))
/// });
/// let before = clock.now();
/// seconds.store(60, Ordering::Relaxed);
/// assert_eq!(clock.now().duration_since(before)?, Duration::from_secs(60));
/// # Ok::<_, std::time::SystemTimeError>(())
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Creates a clock that shows what the function returns.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

/// The clock of the system.
impl Default for Clock {
    fn default() -> Self {
        Self::from_fn(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
