//! Uploads that are made of other uploads.

use std::sync::Arc;

use tower_tus_layers::concatenation::ConcatenationLayer;

use super::Stack;
use super::order::Shared;

#[derive(Clone, Copy, Debug)]
pub(super) struct Concatenation {
    finals: Option<Finals>,
    max_parts: usize,
}

/// Of which parts final uploads are made.
#[derive(Clone, Copy, Debug)]
enum Finals {
    OfFinished,
    OfAny,
}

impl Default for Concatenation {
    fn default() -> Self {
        Self {
            finals: Some(Finals::OfFinished),
            max_parts: 1_000,
        }
    }
}

impl Concatenation {
    /// The layer, with the store and the locker of all others.
    pub(super) fn layer(self, shared: &Shared) -> Option<ConcatenationLayer> {
        let finals = self.finals?;
        let (store, locker) = (Arc::clone(&shared.store), Arc::clone(&shared.locker));
        let mut layer = ConcatenationLayer::new(store, locker)
            .max_parts(self.max_parts)
            .lock_timeout(shared.lock_timeout);
        if shared.lenient {
            layer = layer.lenient();
        }
        Some(match finals {
            Finals::OfFinished => layer,
            Finals::OfAny => layer.unfinished(),
        })
    }
}

impl Stack {
    /// Makes finals of finished uploads if the store can, which is the default.
    pub fn concatenation(mut self) -> Self {
        self.concatenation.finals = Some(Finals::OfFinished);
        self
    }

    /// Disables concatenation: `Upload-Concat` is refused. Partials that exist go on,
    /// and finals that are pending stay so.
    pub fn without_concatenation(mut self) -> Self {
        self.concatenation.finals = None;
        self
    }

    /// Accepts finals of which some parts are unfinished too, and makes them as soon as
    /// all are finished: `concatenation-unfinished`. By default such a final is refused.
    pub fn unfinished_concatenation(mut self) -> Self {
        self.concatenation.finals = Some(Finals::OfAny);
        self
    }

    /// Sets how many parts a final may name, counting repeats: 1,000 by default.
    pub fn max_concat_parts(mut self, max: usize) -> Self {
        self.concatenation.max_parts = max;
        self
    }
}
