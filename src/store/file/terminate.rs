use std::io;
use std::path::Path;

use tower_tus_layers::protocol::{Upload, UploadId};

use super::layout::Layout;
use super::place::{Place, known, locate, still_mounted};
use super::{FileStore, sys};

/// Removes all files of an upload, even if its bytes are already gone.
///
/// If the directory of the bytes is gone as well, nothing is removed: they may
/// come back with it, and then nothing else would lead to them.
pub(super) fn terminate(store: &FileStore, id: &UploadId) -> io::Result<()> {
    let (layout, document) = known(store, id)?;
    // Remove the bytes first: without them the upload is not found, wherever
    // this is interrupted. Remove `.info` last: only it records where the bytes
    // are, and a mark that outlived it would apply to the next upload with this
    // id.
    match locate(store, id, layout.clone(), &document)? {
        Place::Found(located, _) => sys::remove(&located.data)?,
        Place::Gone(data) => is_gone(&layout, &data)?,
    }
    sys::remove(&layout.chunk)?;
    sys::remove(&layout.new)?;
    sys::remove(&layout.info)
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
