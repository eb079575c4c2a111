//! Removes uploads.

use std::io;
use std::path::Path;

use tower_tus_layers::protocol::{Upload, UploadId};

use super::error::is_full;
use super::layout::Layout;
use super::place::{Place, known, locate, still_mounted};
use super::sync::{self, Step};
use super::{FileStore, claim, sys};

/// Removes all files of an upload, even if its bytes are already gone.
///
/// If the directory of the bytes is gone as well, nothing is removed: they may
/// come back with it, and then nothing else would lead to them.
///
/// # Errors
///
/// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) while somebody else
/// changes or removes the upload.
pub(super) fn terminate(store: &FileStore, id: &UploadId) -> io::Result<()> {
    let (layout, document) = known(store, id)?;
    let layout = match locate(store, id, layout.clone(), &document)? {
        Place::Found(located, _) => located,
        Place::Gone(data) => is_gone(&layout, &data).map(|()| layout)?,
    };
    let _held = claim::take(&layout.info)?.ok_or(io::ErrorKind::NotFound)?;
    let state = retire(&layout)?;
    sys::remove(&layout.data).inspect_err(|_| restore(&layout, state))?;
    // A mark that outlived the upload would apply to the next one with this id.
    sys::remove(&layout.chunk)?;
    sys::remove(state)?;
    sync::names(store, Step::Terminated, &layout)
}

/// Ends the upload by renaming its `.info` to `.new`: a crash from here on
/// leaves nobody's files. Returns the file that is to be removed last, since
/// only it records where the bytes are.
fn retire(layout: &Layout) -> io::Result<&Path> {
    // It may be a second name of `.info`, and then renaming would do nothing.
    sys::remove(&layout.new)?;
    match sys::replace(&layout.info, &layout.new) {
        Ok(()) => Ok(&layout.new),
        // Without the bytes the upload is not found either, and then the disk
        // is no longer full.
        Err(error) if is_full(&error) => Ok(&layout.info),
        Err(error) => Err(error),
    }
}

/// Brings an upload back whose bytes could not be removed.
fn restore(layout: &Layout, state: &Path) {
    if state == layout.new {
        let _ = sys::publish(&layout.new, &layout.info);
    }
}

/// Returns the recorded state of an upload whose bytes are gone.
pub(super) fn remains(store: &FileStore, id: &UploadId) -> io::Result<Upload> {
    let (layout, document) = known(store, id)?;
    if let Place::Gone(data) = locate(store, id, layout.clone(), &document)? {
        is_gone(&layout, &data)?;
    }
    Ok(document.upload(id.clone(), 0))
}

/// Fails if the bytes may come back, or if something else is at their default
/// place: then it may not be an upload at all.
fn is_gone(layout: &Layout, data: &Path) -> io::Result<()> {
    still_mounted(data)?;
    match sys::exists(&layout.data)? {
        true => Err(io::ErrorKind::NotFound.into()),
        false => Ok(()),
    }
}
