use std::io;
use std::path::Path;

use tower_tus_layers::protocol::{Upload, UploadId};

use super::layout::Layout;
use super::place::{Place, known, locate, still_mounted};
use super::{FileStore, sys};

/// Removes all files of an upload, also of one whose bytes are gone.
///
/// Where the directory that the bytes were in is gone as well, nothing is
/// removed: they may come back with it, and then nobody else knows of them.
pub(super) fn terminate(store: &FileStore, id: &UploadId) -> io::Result<()> {
    let (layout, document) = known(store, id)?;
    // The bytes go first: without them the upload is not found, wherever this
    // is cut off. `.info` goes last: it alone knows where the bytes are, and a
    // mark that outlived it would be the next upload's of this id.
    match locate(store, id, layout.clone(), &document)? {
        Place::Found(located, _) => sys::remove(&located.data)?,
        Place::Gone(data) => is_gone(&layout, &data)?,
    }
    sys::remove(&layout.chunk)?;
    sys::remove(&layout.new)?;
    sys::remove(&layout.info)
}

/// What is known of an upload whose bytes are gone.
pub(super) fn remains(store: &FileStore, id: &UploadId) -> io::Result<Upload> {
    let (layout, document) = known(store, id)?;
    if let Place::Gone(data) = locate(store, id, layout.clone(), &document)? {
        is_gone(&layout, &data)?;
    }
    Ok(document.upload(id.clone(), 0))
}

/// Fails where the bytes may come back, and where something else is in its
/// own place: then it may be no upload at all.
fn is_gone(layout: &Layout, data: &Path) -> io::Result<()> {
    still_mounted(data)?;
    match sys::exists(&layout.data)? {
        true => Err(io::ErrorKind::NotFound.into()),
        false => Ok(()),
    }
}
