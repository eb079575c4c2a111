use std::collections::BTreeMap;

use http::request::Parts;

use crate::context::Context;
use crate::protocol::{Error, Length, Upload, UploadId};
use crate::store::Store;

/// The current state of the uploads that make up a final.
#[derive(Debug)]
pub(super) struct Partials<'a> {
    /// In the order of the final, with repeats.
    // CAT-09
    order: &'a [UploadId],
    /// Each upload once, in the order in which locks are taken.
    uploads: BTreeMap<&'a UploadId, Upload>,
}

impl<'a> Partials<'a> {
    /// Looks up all parts; fails with [`Error::NotFound`] if one is missing.
    // AMB-14
    pub(super) async fn find(store: &dyn Store, order: &'a [UploadId]) -> Result<Self, Error> {
        let mut uploads = BTreeMap::new();
        for id in order {
            if !uploads.contains_key(id) {
                uploads.insert(id, store.open(id).await?.info().clone());
            }
        }
        Ok(Self { order, uploads })
    }

    /// Whether all of them are partials.
    pub(super) fn are_partials(&self) -> bool {
        self.uploads.values().all(Upload::is_partial)
    }

    /// Returns the parts, each once.
    pub(super) fn each(&self) -> impl Iterator<Item = &'a UploadId> {
        self.uploads.keys().copied()
    }

    /// Returns the unfinished parts, each once. They include those that are complete
    /// but wait for a gate.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &'a UploadId> {
        let unfinished = self.uploads.iter();
        unfinished.filter_map(|(&id, upload)| (!upload.is_finished()).then_some(id))
    }

    /// Returns the total length, counting repeats, or `None` while a length is
    /// deferred.
    ///
    /// Fails if the bytes known so far exceed the maximum size of the request.
    // CAT-04, CAT-15
    pub(super) fn length(&self, request: &Parts) -> Result<Option<Length>, Error> {
        let max = Context::of(&request.extensions).max_size();
        let max = max.map_or(Length::MAX, Length::saturating);
        let (mut least, mut is_known) = (Length::ZERO, true);
        for id in self.order {
            let upload = &self.uploads[id];
            let bytes = upload.length.unwrap_or(upload.offset.into());
            let sum = least.checked_add(bytes.get()).filter(|&sum| sum <= max);
            least = sum.ok_or(Error::MaxSizeExceeded)?;
            is_known &= upload.length.is_some();
        }
        Ok(is_known.then_some(least))
    }
}
