use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::protocol::UploadId;

/// The uploads of which bytes may be lost, since a sync has failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost(Arc<Mutex<HashSet<UploadId>>>);

impl Lost {
    pub(super) fn contains(&self, id: &UploadId) -> bool {
        self.ids().contains(id)
    }

    pub(super) fn insert(&self, id: UploadId) {
        self.ids().insert(id);
    }

    /// The upload is gone; another one may have its id.
    pub(super) fn forget(&self, id: &UploadId) {
        self.ids().remove(id);
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        // Nothing that runs under the lock can leave the set half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
