//! Uploads that have failed for good: a sync has lost bytes of them that no
//! client sends again.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::protocol::{FinishState, Upload, UploadId};

use super::info::Document;
use super::layout::Layout;
use super::{FileStore, publish, sys};

/// The uploads that have failed since this process began. On a broken disk
/// there may be no other record of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failed(Arc<Mutex<HashSet<UploadId>>>);

impl Failed {
    pub(super) fn contains(&self, id: &UploadId) -> bool {
        self.ids().contains(id)
    }

    /// Removes an upload that is gone, so that another one may use its id.
    pub(super) fn forget(&self, id: &UploadId) {
        self.ids().remove(id);
    }

    fn insert(&self, id: UploadId) {
        self.ids().insert(id);
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        // No code that holds the lock can panic with the set half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records that an upload has failed for good, in memory and on disk.
pub(super) fn record(
    store: &FileStore,
    layout: &Layout,
    document: &mut Document,
    upload: &mut Upload,
    cause: &io::Error,
) {
    tracing::error!(id = %upload.id, error = %cause, "upload failed permanently: sync failed");
    store.failed.insert(upload.id.clone());
    upload.finishing = Some(FinishState::Failed);
    document.update(upload);
    if let Err(error) = record_on_disk(store, layout, document) {
        tracing::error!(id = %upload.id, %error, "the failure of an upload could not be recorded");
    }
}

fn record_on_disk(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    use io::ErrorKind::{NotFound, ResourceBusy};
    match publish::again(store, layout, document) {
        // The upload is gone, or in the hands of another request.
        Err(error) if matches!(error.kind(), NotFound | ResourceBusy) => Err(error),
        // A restart must not take it for complete. Without its bytes it is not,
        // and the disk has room for the record.
        Err(_) => empty(layout).and_then(|()| publish::again(store, layout, document)),
        recorded => recorded,
    }
}

fn empty(layout: &Layout) -> io::Result<()> {
    let data = sys::File::open(&layout.data)?;
    data.truncate(0)?;
    // As far as this disk can still do it.
    let _ = data.sync_data();
    Ok(())
}
