use std::collections::BTreeMap;

use http::request::Parts;

use crate::context::Context;
use crate::protocol::{Error, Length, Upload, UploadId};
use crate::store::Store;

/// The uploads that a final is made of, as they stand.
#[derive(Debug)]
pub(super) struct Partials<'a> {
    /// As they follow each other; one may be there again and again. CAT-09
    order: &'a [UploadId],
    /// Each once, in the order in which locks are taken.
    uploads: BTreeMap<&'a UploadId, Upload>,
}

impl<'a> Partials<'a> {
    /// Finds them all, or [`Error::NotFound`]. AMB-14
    pub(super) async fn find(store: &dyn Store, order: &'a [UploadId]) -> Result<Self, Error> {
        let mut uploads = BTreeMap::new();
        for id in order {
            if !uploads.contains_key(id) {
                uploads.insert(id, store.open(id).await?.info().clone());
            }
        }
        Ok(Self { order, uploads })
    }

    /// Whether they are partials at all.
    pub(super) fn are_partials(&self) -> bool {
        self.uploads.values().all(Upload::is_partial)
    }

    /// Those that are not finished, each once. One that is complete, and waits
    /// for a gate to let it be finished, is among them.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &'a UploadId> {
        let unfinished = self.uploads.iter();
        unfinished.filter_map(|(&id, upload)| (!upload.is_finished()).then_some(id))
    }

    /// How many bytes they have together, counted as often as they are there,
    /// or nothing when a length is deferred. CAT-04, CAT-15
    ///
    /// What is known of it already may be too much for the request.
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
