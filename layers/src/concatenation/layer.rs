use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::Concatenation;
use super::settings::Settings;
use crate::lock::Locker;
use crate::protocol::Strictness;
use crate::store::Store;

/// Layer that applies [`Concatenation`].
///
/// See the [module docs](crate::concatenation) for an example.
#[derive(Clone, Debug)]
pub struct ConcatenationLayer {
    settings: Settings,
}

impl ConcatenationLayer {
    /// Creates a layer over the store and the locker that the layers around it use.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, locker: Arc<dyn Locker>) -> Self {
        Self {
            settings: Settings {
                store,
                locker,
                lock_timeout: Duration::from_secs(20),
                max_parts: 1_000,
                unfinished: false,
                strictness: Strictness::Strict,
            },
        }
    }

    /// Sets how long a request waits for the locks of uploads other than its own; the
    /// default is 20 seconds.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.settings.lock_timeout = timeout;
        self
    }

    /// Limits how many parts a final may name; the default is 1,000. Repeated parts
    /// count each time. Larger finals are refused with
    /// [`Error::TooManyParts`](crate::protocol::Error::TooManyParts).
    #[must_use]
    pub fn max_parts(mut self, max: usize) -> Self {
        self.settings.max_parts = max;
        self
    }

    /// Accepts finals of unfinished parts, and assembles each as soon as its parts
    /// are finished: `concatenation-unfinished`. Off by default.
    // CUF-01
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.settings.unfinished = true;
        self
    }

    /// Accepts finished uploads as parts even if they were not created as partials,
    /// like tusd does. Off by default.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.settings.strictness = Strictness::Lenient;
        self
    }
}

impl<S> Layer<S> for ConcatenationLayer {
    type Service = Concatenation<S>;

    fn layer(&self, inner: S) -> Concatenation<S> {
        Concatenation::new(inner, self.settings.clone())
    }
}
