use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::UploadId;
use crate::store::Handle;

/// The place where the core leaves a new upload open for the request that appends its
/// first bytes.
///
/// The layer that derives both requests puts one into each. The core leaves only an
/// upload that nobody else knows: its id is random, and no gate
/// [may announce](crate::gate::Gate::may_announce) it. So nothing can have changed it
/// when the second request takes it, and nobody waits for its lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandOver(Arc<Mutex<Option<Box<dyn Handle>>>>);

impl HandOver {
    pub(crate) fn leave(&self, handle: Box<dyn Handle>) {
        *self.handle() = Some(handle);
    }

    /// Takes the upload, if it was left here.
    pub(super) fn take(&self, id: &UploadId) -> Option<Box<dyn Handle>> {
        self.handle().take_if(|handle| handle.info().id == *id)
    }

    /// Whether the upload was left here.
    pub(super) fn has(&self, id: &UploadId) -> bool {
        let handle = self.handle();
        handle.as_ref().is_some_and(|it| it.info().id == *id)
    }

    fn handle(&self) -> MutexGuard<'_, Option<Box<dyn Handle>>> {
        // A panic under the mutex cannot leave the handle inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Metadata, NewUpload};
    use crate::store::{MemoryStore, Store};

    #[tokio::test]
    async fn an_upload_is_taken_once_and_only_under_its_own_id() {
        let new = NewUpload::new(None, Metadata::EMPTY);
        let id = new.id.clone();
        let place = HandOver::default();
        place.leave(MemoryStore::default().create(new).await.unwrap());
        // As when a layer has put another id into the outcome of the creation.
        let other = UploadId::random();
        assert!(!place.has(&other) && place.take(&other).is_none());
        assert!(place.has(&id) && place.clone().take(&id).is_some());
        assert!(!place.has(&id) && place.take(&id).is_none());
    }
}
