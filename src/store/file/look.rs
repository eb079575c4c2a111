//! The state of an upload when it is opened.

use tower_tus_layers::protocol::{Error, FinishState, Offset, Upload, UploadId};

use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::sync::{self, Part, Unsynced};
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
    let mut upload = see(store, id, layout, size, document)?;
    if store.failed.contains(&upload.id) {
        return Ok(upload);
    }
    end_at_hole(layout, &mut upload)?;
    let Some(part) = unsynced(store.durability, document, &upload) else {
        return Ok(upload);
    };
    match make_durable(store, part, layout, document, &mut upload) {
        Err(Unsynced::Untold(error)) => Err(of_upload(error)),
        // If it is lost, the upload says so by now.
        Ok(()) | Err(Unsynced::Lost(_) | Unsynced::Unsupported(_)) => Ok(upload),
    }
}

/// Like [`look`], in a short step: returns `None` if the upload may only be told
/// after a long one.
pub(super) fn glance(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    size: u64,
    document: &Document,
) -> Result<Option<Upload>, Error> {
    let upload = see(store, id, layout, size, document)?;
    let is_told = store.failed.contains(&upload.id)
        || !may_have_hole(layout, &upload)? && !is_unsynced(store, document, &upload);
    Ok(is_told.then_some(upload))
}

/// Returns the upload as its files show it.
fn see(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    size: u64,
    document: &Document,
) -> Result<Upload, Error> {
    let offset = counted::offset(layout, size).map_err(of_upload)?;
    let mut upload = document.upload(id, offset.ok_or(Error::NotFound)?);
    upload.storage = document.storage_at(layout);
    upload.set_path(&layout.data);
    if store.failed.contains(&upload.id) {
        upload.finishing = Some(FinishState::Failed);
    }
    Ok(upload)
}

/// Clients can send again what is missing from an unfinished upload, unless it
/// is a final one.
fn can_send_again(upload: &Upload) -> bool {
    !upload.is_finished() && !upload.is_final() && upload.offset > Offset::ZERO
}

fn may_have_hole(layout: &Layout, upload: &Upload) -> Result<bool, Error> {
    if !can_send_again(upload) {
        return Ok(false);
    }
    let data = sys::File::open_to_read(&layout.data);
    data.and_then(|data| counted::is_older_than_boot(&data))
        .map_err(of_upload)
}

fn end_at_hole(layout: &Layout, upload: &mut Upload) -> Result<(), Error> {
    if !can_send_again(upload) {
        return Ok(());
    }
    let hole = sys::File::open_to_read(&layout.data).and_then(|data| counted::hole(&data));
    if let Some(hole) = hole.map_err(of_upload)? {
        upload.offset = upload.offset.min(Offset::saturating(hole));
    }
    Ok(())
}

/// Returns what has to be durable before the state of an upload may be told.
///
/// A process that was killed may have left it in memory only. A record that it
/// is finished was written after that.
fn unsynced(durability: Durability, document: &Document, upload: &Upload) -> Option<Part> {
    let is_promised = match durability {
        Durability::None => false,
        // One that is still to be finished is synced then.
        Durability::Finish => upload.is_finished(),
        Durability::Offset => !upload.is_failed(),
    };
    match upload.finishing {
        _ if !is_promised => None,
        Some(FinishState::Done) if document.is_synced() => None,
        // Only a name may be missing: the last step of each change.
        _ if document.is_synced() => Some(Part::Names),
        _ => Some(Part::Whole),
    }
}

fn is_unsynced(store: &FileStore, document: &Document, upload: &Upload) -> bool {
    unsynced(store.durability, document, upload).is_some()
        && !store.synced.covers(&upload.id, upload.offset)
}

/// Makes a part of an upload durable, unless this process has done so. If the
/// disk has lost some of its bytes, the upload has failed for good.
pub(super) fn make_durable(
    store: &FileStore,
    part: Part,
    layout: &Layout,
    document: &mut Document,
    upload: &mut Upload,
) -> Result<(), Unsynced> {
    if store.synced.covers(&upload.id, upload.offset) {
        return Ok(());
    }
    let synced = sync::part(store, part, layout);
    match &synced {
        Ok(()) => store.synced.insert(&upload.id, upload.offset),
        Err(Unsynced::Lost(error)) => failed::record(store, layout, document, upload, error),
        Err(_) => {}
    }
    synced
}
