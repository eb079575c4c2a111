use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::protocol::UploadId;

/// The uploads that may have lost bytes because a sync failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost(Arc<Mutex<HashSet<UploadId>>>);

impl Lost {
    pub(super) fn contains(&self, id: &UploadId) -> bool {
        self.ids().contains(id)
    }

    pub(super) fn insert(&self, id: UploadId) {
        self.ids().insert(id);
    }

    /// Removes an upload that is gone, so that another one may use its id.
    pub(super) fn forget(&self, id: &UploadId) {
        self.ids().remove(id);
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        // No code that holds the lock can panic with the set half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
