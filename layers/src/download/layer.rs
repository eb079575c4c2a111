use std::sync::Arc;

use tower_layer::Layer;

use super::Download;
use super::budget::Budget;
use crate::store::Store;

/// Layer that applies [`Download`].
///
/// See the [module docs](crate::download) for an example.
#[derive(Clone, Debug)]
pub struct DownloadLayer {
    store: Arc<dyn Store>,
    offer: Offer,
    budget: Budget,
}

/// Which uploads are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Stored,
    Finished,
}

impl DownloadLayer {
    /// Creates a layer that serves uploads from `store`, which must be the core's. By
    /// default it also serves unfinished uploads.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            offer: Offer::Stored,
            budget: Budget::default(),
        }
    }

    /// Limits how many downloads may be in progress at once; the default is 4096.
    ///
    /// A download is in progress from its request until its last byte has been
    /// read from the store, and may hold an open file for as long. Beyond the
    /// limit GET answers `503 ERR_TOO_MANY_DOWNLOADS` with `Retry-After`.
    #[must_use]
    pub fn max_open(mut self, downloads: usize) -> Self {
        self.budget = Budget::new(downloads);
        self
    }

    /// Refuses unfinished uploads instead of serving the bytes stored so far. Off by
    /// default.
    #[must_use]
    pub fn only_finished(mut self) -> Self {
        self.offer = Offer::Finished;
        self
    }
}

impl<S> Layer<S> for DownloadLayer {
    type Service = Download<S>;

    fn layer(&self, inner: S) -> Download<S> {
        Download::new(
            inner,
            Arc::clone(&self.store),
            self.offer,
            self.budget.clone(),
        )
    }
}
