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
    /// A layer over the store and the locker that the layers around it use.
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

    /// How long a request waits for other uploads than its own: 20 seconds
    /// unless set.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.settings.lock_timeout = timeout;
        self
    }

    /// Sets how many parts a final may name: 1,000 by default. A part that it
    /// names several times counts as often. Others are refused with
    /// [`Error::TooManyParts`](crate::protocol::Error::TooManyParts).
    #[must_use]
    pub fn max_parts(mut self, max: usize) -> Self {
        self.settings.max_parts = max;
        self
    }

    /// Takes finals of parts that are unfinished still, and makes them as soon
    /// as these are not: `concatenation-unfinished`. CUF-01
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.settings.unfinished = true;
        self
    }

    /// Takes finished uploads as parts that were not created as such, as tusd does.
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
