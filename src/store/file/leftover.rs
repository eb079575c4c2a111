//! What a crash has left of an upload that was being created or removed.

use std::io;

use tower_tus_layers::protocol::UploadId;

use super::info::Document;
use super::layout::Layout;
use super::{FileStore, claim, counted, place, sys};

/// Removes the files of an upload with this id that a crash has left half
/// created or half removed, if there are any.
///
/// # Errors
///
/// [`ErrorKind::AlreadyExists`](io::ErrorKind::AlreadyExists) or
/// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) if another request
/// is just creating or removing the upload.
pub(super) fn clear(store: &FileStore, id: &UploadId, layout: &Layout) -> io::Result<()> {
    let Some(held) = abandoned(layout)? else {
        return Ok(());
    };
    // It may have been published since the caller looked.
    if Document::counts(&layout.info)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let data = match Document::parse(&held.read_to_end()?) {
        Ok(document) => place::recorded(store, id, layout, &document)?,
        // The crash came before the upload had bytes, or took the record of
        // their place with it.
        Err(_) => Some(layout.data.clone()),
    };
    data.map_or(Ok(()), |data| sys::remove(&data))?;
    // Last, what marks them: until then, another crash leaves nobody's files
    // again.
    for file in [&layout.chunk, &layout.info, &layout.new] {
        sys::remove(file)?;
    }
    Ok(())
}

/// Claims the file that marks such an upload: its `.new`, or an `.info` that
/// was cut short. The latter may also be one that tusd is just writing, unless
/// there has been a power cut since.
fn abandoned(layout: &Layout) -> io::Result<Option<sys::Locked>> {
    if let Some(new) = claim::take(&layout.new)? {
        return Ok(Some(new));
    }
    match claim::take(&layout.info)? {
        Some(info) if counted::is_older_than_boot(info.modified()?) => Ok(Some(info)),
        _ => Ok(None),
    }
}
