//! Downloads.

use std::sync::Arc;

use tower_tus_layers::download::DownloadLayer;

use super::Stack;
use super::order::Shared;

#[derive(Clone, Copy, Debug)]
pub(super) struct Downloads {
    offer: Option<Offer>,
    max: usize,
}

/// Which uploads are given out.
#[derive(Clone, Copy, Debug)]
enum Offer {
    All,
    Finished,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            offer: Some(Offer::All),
            max: 4096,
        }
    }
}

impl Downloads {
    /// The layer, if the store can read.
    pub(super) fn layer(self, shared: &Shared) -> Option<DownloadLayer> {
        let offer = self.offer?;
        shared.store.reader()?;
        let layer = DownloadLayer::new(Arc::clone(&shared.store)).max_open(self.max);
        Some(match offer {
            Offer::All => layer,
            Offer::Finished => layer.only_finished(),
        })
    }
}

impl Stack {
    /// Answers GET if the store can read, which is the default. An unfinished upload is
    /// sent as far as it is stored.
    pub fn download(mut self) -> Self {
        self.download.offer = Some(Offer::All);
        self
    }

    /// Answers GET for finished uploads only.
    pub fn download_only_finished(mut self) -> Self {
        self.download.offer = Some(Offer::Finished);
        self
    }

    /// Disables downloads: GET answers 405. With `Tus-Resumable` it is answered like
    /// HEAD, which caches turn into GET.
    pub fn without_download(mut self) -> Self {
        self.download.offer = None;
        self
    }

    /// Limits how many downloads may be in progress at once, since each may hold an
    /// open file: 4,096 by default. Beyond the limit GET answers
    /// `503 ERR_TOO_MANY_DOWNLOADS` with `Retry-After`.
    pub fn max_downloads(mut self, downloads: usize) -> Self {
        self.download.max = downloads;
        self
    }

    /// Removes the limit on downloads at once.
    pub fn without_max_downloads(self) -> Self {
        self.max_downloads(usize::MAX)
    }
}
