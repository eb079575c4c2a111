use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::protocol::{Offset, UploadId};

/// The number of uploads after which the older half of them is forgotten.
const GENERATION: usize = 8192;

/// The uploads that this process has synced, and up to which offset.
///
/// It may forget uploads: they are synced again when they are opened, which
/// writes nothing if nothing has changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Synced(Arc<Mutex<Generations>>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<UploadId, Offset>,
    old: HashMap<UploadId, Offset>,
}

impl Synced {
    /// Returns whether the bytes up to `offset` are synced, and `.info` and all
    /// names with them.
    pub(super) fn covers(&self, id: &UploadId, offset: Offset) -> bool {
        let known = self.lock();
        let synced = known.young.get(id).or_else(|| known.old.get(id));
        synced.is_some_and(|synced| *synced >= offset)
    }

    pub(super) fn insert(&self, id: &UploadId, offset: Offset) {
        let mut known = self.lock();
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(id.clone(), offset);
    }

    /// Removes an upload that is gone or has changed.
    pub(super) fn forget(&self, id: &UploadId) {
        let mut known = self.lock();
        known.young.remove(id);
        known.old.remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // No code that holds the lock can panic with the maps half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> UploadId {
        format!("{n}").parse().unwrap()
    }

    #[test]
    fn an_upload_is_synced_up_to_the_last_offset_that_was_told() {
        let synced = Synced::default();
        assert!(!synced.covers(&id(0), Offset::ZERO));
        synced.insert(&id(0), Offset::from(5));
        assert!(synced.covers(&id(0), Offset::ZERO) && synced.covers(&id(0), Offset::from(5)));
        assert!(!synced.covers(&id(0), Offset::from(6)));
        synced.insert(&id(0), Offset::from(3));
        assert!(!synced.covers(&id(0), Offset::from(5)));
        synced.forget(&id(0));
        assert!(!synced.covers(&id(0), Offset::ZERO));
    }

    #[test]
    fn the_number_of_known_uploads_is_bounded_and_the_last_ones_are_known() {
        let synced = Synced::default();
        for n in 0..3 * GENERATION {
            synced.insert(&id(n), Offset::ZERO);
        }
        let known = |n| synced.covers(&id(n), Offset::ZERO);
        assert!((2 * GENERATION..3 * GENERATION).all(known));
        assert!((0..GENERATION).all(|n| !known(n)));
        // One that is known by an older offset, too.
        synced.insert(&id(3 * GENERATION), Offset::ZERO);
        synced.insert(&id(2 * GENERATION), Offset::from(5));
        assert!(synced.covers(&id(2 * GENERATION), Offset::from(5)));
        synced.forget(&id(2 * GENERATION));
        assert!(!known(2 * GENERATION));
    }
}
