use std::sync::Arc;

use tower_layer::Layer;

use super::Download;
use crate::store::Store;

/// Layer that applies [`Download`].
///
/// See the [module docs](crate::download) for an example.
#[derive(Clone, Debug)]
pub struct DownloadLayer {
    store: Arc<dyn Store>,
    offer: Offer,
}

/// What is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Stored,
    Finished,
}

impl DownloadLayer {
    /// Gives out what `store` has, which is the one that the core is over.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            offer: Offer::Stored,
        }
    }

    /// Refuses an upload that is not finished, instead of giving out what is stored of it.
    #[must_use]
    pub const fn only_finished(mut self) -> Self {
        self.offer = Offer::Finished;
        self
    }
}

impl<S> Layer<S> for DownloadLayer {
    type Service = Download<S>;

    fn layer(&self, inner: S) -> Download<S> {
        Download::new(inner, Arc::clone(&self.store), self.offer)
    }
}
