//! The state of an upload when it is opened.

use tower_tus_layers::protocol::{Error, FinishState, Offset, Upload, UploadId};

use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::sync::{self, Unsynced};
use super::{Durability, FileStore, counted, failed, sys};

/// Returns the upload whose data file has `size` bytes, once all that it says
/// survives a power cut as far as the durability promises.
///
/// # Errors
///
/// [`Error::NotFound`] if the data file is gone, and the reason why files could
/// not be read. An upload that cannot be synced has failed for good.
pub(super) fn look(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    size: u64,
    document: &mut Document,
) -> Result<Upload, Error> {
    let offset = counted::offset(layout, size).map_err(of_upload)?;
    let mut upload = document.upload(id, offset.ok_or(Error::NotFound)?);
    upload.storage = document.storage_at(layout);
    upload.set_path(&layout.data);
    if store.failed.contains(&upload.id) {
        upload.finishing = Some(FinishState::Failed);
        return Ok(upload);
    }
    end_at_hole(layout, &mut upload)?;
    if !is_synced_first(store.durability, &upload) {
        return Ok(upload);
    }
    match make_durable(store, layout, document, &mut upload) {
        Err(_) if upload.is_failed() => Ok(upload),
        synced => synced.map(|()| upload),
    }
}

/// Clients can send again what is missing from an unfinished upload, unless it
/// is a final one.
fn end_at_hole(layout: &Layout, upload: &mut Upload) -> Result<(), Error> {
    if upload.is_finished() || upload.is_final() || upload.offset == Offset::ZERO {
        return Ok(());
    }
    let hole = sys::File::open_to_read(&layout.data).and_then(|data| counted::hole(&data));
    if let Some(hole) = hole.map_err(of_upload)? {
        upload.offset = upload.offset.min(Offset::saturating(hole));
    }
    Ok(())
}

/// Whether the state of an upload may not be told before it is durable.
///
/// A process that was killed may have left it in memory only. A record that it
/// is finished was written after that.
fn is_synced_first(durability: Durability, upload: &Upload) -> bool {
    match durability {
        Durability::None => false,
        Durability::Finish => upload.is_complete() && upload.finishing.is_none(),
        Durability::Offset => !matches!(
            upload.finishing,
            Some(FinishState::Done | FinishState::Failed)
        ),
    }
}

/// Makes the whole upload durable, unless this process has done so. If the disk
/// has lost some of it, the upload has failed for good.
pub(super) fn make_durable(
    store: &FileStore,
    layout: &Layout,
    document: &mut Document,
    upload: &mut Upload,
) -> Result<(), Error> {
    if store.synced.covers(&upload.id, upload.offset) {
        return Ok(());
    }
    match sync::whole(store, layout) {
        Ok(()) => {
            store.synced.insert(&upload.id, upload.offset);
            Ok(())
        }
        Err(Unsynced::Lost(error)) => {
            failed::record(store, layout, document, upload, &error);
            // The client cannot mend it, not even if the disk was full.
            Err(Error::internal(error))
        }
        Err(Unsynced::Unread(error)) => Err(of_upload(error)),
    }
}
