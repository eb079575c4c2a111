use std::collections::HashMap;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, Length, UploadId};

use super::plan::Range;
use crate::store::object::handle::ObjectHandle;
use crate::store::object::place::Place;
use crate::store::object::{ObjectStore, finish};

/// The objects of complete uploads, in the order in which they are concatenated.
#[derive(Debug)]
pub(super) struct Sources {
    order: Vec<Range>,
    length: Length,
}

impl Sources {
    /// Finds the parts of a final in this place, and makes their objects where this is left to do. No part is
    /// changed if one of them is missing or incomplete.
    pub(super) async fn find(
        store: &ObjectStore,
        order: &[UploadId],
        place: &Place,
    ) -> Result<Self, Error> {
        let mut parts = HashMap::new();
        // CAT-09: a part may come more than once.
        for id in order {
            if !parts.contains_key(id) {
                parts.insert(id, ObjectHandle::open(store, id).await?);
            }
        }
        if !parts.values().all(|part| part.upload.is_complete()) {
            return Err(Error::UploadNotFinished);
        }
        let ranges = order.iter().map(|id| range_of(&parts[id])); // CAT-05
        let order: Vec<_> = ranges.filter(|range| range.len() > 0).collect();
        let length = sum(&order)?;
        if length.get() > place.objects.rules().max_object {
            return Err(Error::MaxSizeExceeded);
        }
        for part in parts.values_mut().filter(|part| !part.info.state.whole) {
            finish::make_and_name(part).await?;
        }
        Ok(Self { order, length })
    }

    pub(super) fn ranges(&self) -> &[Range] {
        &self.order
    }

    pub(super) const fn length(&self) -> Length {
        self.length
    }
}

fn range_of(part: &ObjectHandle) -> Range {
    Range {
        bucket: part.place.bucket.clone(),
        key: Arc::clone(&part.place.key),
        from: 0,
        to: part.upload.offset.get(),
    }
}

fn sum(ranges: &[Range]) -> Result<Length, Error> {
    let mut lengths = ranges.iter().map(Range::len);
    let sum = lengths.try_fold(Length::ZERO, Length::checked_add);
    sum.ok_or(Error::MaxSizeExceeded)
}
