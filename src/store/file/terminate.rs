use std::io;

use tower_tus_layers::protocol::UploadId;

use super::handle::locate;
use super::info::Document;
use super::layout::Layout;
use super::{FileStore, sys};

/// Removes all files of an upload.
///
/// Of one whose bytes are gone it removes the rest, and yet it is not found.
pub(super) fn terminate(store: &FileStore, id: &UploadId) -> io::Result<()> {
    let layout = Layout::new(&store.dir, id);
    let document = Document::read(&layout.info)?.ok_or(io::ErrorKind::NotFound)?;
    let located = locate(store, layout.clone(), &document)?;
    // The bytes go first: without them the upload is not found, wherever this
    // is cut off. `.info` goes last: it alone knows where the bytes are, and a
    // mark that outlived it would be the next upload's of this id.
    if let Some((located, _)) = &located {
        sys::remove(&located.data)?;
    }
    sys::remove(&layout.chunk)?;
    sys::remove(&layout.new)?;
    sys::remove(&layout.info)?;
    located.map(drop).ok_or(io::ErrorKind::NotFound.into())
}
