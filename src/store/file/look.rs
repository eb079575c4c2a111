//! The state of an upload when it is opened.

use tower_tus_layers::protocol::{Error, FinishState, Offset, Upload, UploadId};

use super::counted::{self, Counted};
use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::sync::{self, Part, Unsynced};
use super::{Durability, FileStore, failed, publish, sys};

/// Returns the upload whose data file was `seen`, once all that it says survives
/// a power cut as far as the durability promises.
///
/// The offset may be that of a file that is not
/// [settled](Counted::is_settled).
///
/// # Errors
///
/// [`Error::NotFound`] if the data file is gone, and the reason why files could
/// not be read. An upload that cannot be synced has failed for good.
pub(super) fn look(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    seen: sys::Seen,
    document: &mut Document,
) -> Result<(Upload, Counted), Error> {
    let (mut upload, mut counted) = see(store, id, layout, seen, document)?;
    if store.failed.contains(&upload.id) {
        return Ok((upload, counted));
    }
    if may_have_lost_bytes(&upload, seen) && end_at_loss(layout, document, &mut upload)? {
        counted.is_settled = false;
    }
    let Some(part) = unsynced(store.durability, document, &upload) else {
        return Ok((upload, counted));
    };
    match make_durable(store, part, layout, document, &mut upload, None) {
        Err(Unsynced::Untold(error)) => Err(of_upload(error)),
        // If it is lost, the upload says so by now.
        Ok(()) | Err(Unsynced::Lost(_) | Unsynced::Unsupported(_)) => Ok((upload, counted)),
    }
}

/// Like [`look`], in a short step: returns `None` if the upload may only be told
/// after a long one.
pub(super) fn glance(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    seen: sys::Seen,
    document: &Document,
) -> Result<Option<(Upload, Counted)>, Error> {
    let (upload, counted) = see(store, id, layout, seen, document)?;
    let is_told = store.failed.contains(&upload.id)
        || !may_have_lost_bytes(&upload, seen) && !is_unsynced(store, document, &upload);
    Ok(is_told.then_some((upload, counted)))
}

/// Like [`look`], but changes nothing, so it makes nothing durable.
pub(super) fn peek(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    seen: sys::Seen,
    document: &Document,
) -> Result<Upload, Error> {
    let (mut upload, _) = see(store, id, layout, seen, document)?;
    if !store.failed.contains(&upload.id) && may_have_lost_bytes(&upload, seen) {
        end_at_loss(layout, document, &mut upload)?;
    }
    Ok(upload)
}

/// Returns the upload as its files show it.
fn see(
    store: &FileStore,
    id: UploadId,
    layout: &Layout,
    seen: sys::Seen,
    document: &Document,
) -> Result<(Upload, Counted), Error> {
    let counted = counted::look(layout, seen.len).map_err(of_upload)?;
    let counted = counted.ok_or(Error::NotFound)?;
    let mut upload = document.upload(id, counted.offset);
    upload.modified = Some(seen.modified);
    upload.storage = document.storage_at(layout);
    upload.set_path(&layout.data);
    if store.failed.contains(&upload.id) {
        upload.finishing = Some(FinishState::Failed);
    }
    Ok((upload, counted))
}

/// Clients can send again what is missing from an unfinished upload, unless it
/// is a final one.
fn may_have_lost_bytes(upload: &Upload, seen: sys::Seen) -> bool {
    let can_send_again = !upload.is_finished() && !upload.is_final();
    can_send_again && upload.offset > Offset::ZERO && counted::is_older_than_boot(seen.modified)
}

/// Returns whether a power cut has lost bytes, before which the upload ends.
fn end_at_loss(layout: &Layout, document: &Document, upload: &mut Upload) -> Result<bool, Error> {
    let data = sys::File::open_to_read(&layout.data);
    let left = data.and_then(|data| counted::left(&data, document.tail()));
    let Some(left) = left.map_err(of_upload)? else {
        return Ok(false);
    };
    upload.offset = upload.offset.min(Offset::saturating(left));
    Ok(true)
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
        _ if document.is_sealed() && upload.is_finished() => Some(Part::State),
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
/// disk has lost some of its bytes, the upload has failed for good. The data file
/// may be open already.
pub(super) fn make_durable(
    store: &FileStore,
    part: Part,
    layout: &Layout,
    document: &mut Document,
    upload: &mut Upload,
    data: Option<sys::File>,
) -> Result<(), Unsynced> {
    if store.synced.covers(&upload.id, upload.offset) {
        return Ok(());
    }
    let synced = match sync::part(store, part, layout, data) {
        // What may be lost of it is here, and is written anew.
        Err(Unsynced::Lost(_)) if part == Part::State => {
            publish::finished(store, layout, document, upload).map_err(Unsynced::Untold)
        }
        synced => synced,
    };
    match &synced {
        Ok(()) => store.synced.insert(&upload.id, upload.offset),
        Err(Unsynced::Lost(error)) => failed::record(store, layout, document, upload, error),
        Err(_) => {}
    }
    synced
}
