//! What a crash has left of an upload that was being created or removed.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tower_tus_layers::protocol::UploadId;

use super::info::Document;
use super::layout::Layout;
use super::{FileStore, claim, counted, place, sys};

/// Removes the files of an upload with this id that a crash has left half
/// created or half removed. Returns whether there were any.
///
/// # Errors
///
/// [`ErrorKind::AlreadyExists`](io::ErrorKind::AlreadyExists) or
/// [`ErrorKind::ResourceBusy`](io::ErrorKind::ResourceBusy) if another request
/// is just creating or removing the upload.
pub(super) fn clear(store: &FileStore, id: &UploadId, layout: &Layout) -> io::Result<bool> {
    let Some(held) = abandoned(store, id, layout)? else {
        return Ok(false);
    };
    // It may have been published since the caller looked.
    if Document::counts(&layout.info)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let data = data(store, id, layout, &held.read_to_end()?)?;
    data.map_or(Ok(()), |data| sys::remove(&data))?;
    // Last, what marks them: until then, another crash leaves nobody's files
    // again.
    for file in [&layout.chunk, &layout.info, &layout.new] {
        sys::remove(file)?;
    }
    Ok(true)
}

/// Returns the data file of such an upload, if it is there, by what the file that
/// marks it says.
pub(super) fn data(
    store: &FileStore,
    id: &UploadId,
    layout: &Layout,
    mark: &[u8],
) -> io::Result<Option<PathBuf>> {
    match Document::parse(mark) {
        Ok(document) => place::recorded(store, id, layout, &document),
        // The crash came before the upload had bytes, or took the record of
        // their place with it.
        Err(_) => Ok(Some(layout.data.clone())),
    }
}

/// Claims the file that marks such an upload: its `.new`, or an `.info` that
/// was cut short.
fn abandoned(store: &FileStore, id: &UploadId, layout: &Layout) -> io::Result<Option<sys::Locked>> {
    if let Some(new) = claim::take(&layout.new)? {
        return Ok(Some(new));
    }
    match claim::take(&layout.info)? {
        Some(info) if is_abandoned(store, id, layout, info.modified()?)? => Ok(Some(info)),
        _ => Ok(None),
    }
}

/// Whether an `.info` that was cut short at this time belongs to nobody.
///
/// tusd may just be writing it, unless there has been a power cut since. One of a
/// creation under a [fresh](super::fresh) id has no bytes beside it, and is written
/// at once.
pub(super) fn is_abandoned(
    store: &FileStore,
    id: &UploadId,
    layout: &Layout,
    modified: SystemTime,
) -> io::Result<bool> {
    if counted::is_older_than_boot(modified) {
        return Ok(true);
    }
    let has_bytes = || Ok::<_, io::Error>(sys::look(&layout.data)?.is_some_and(|it| it.len > 0));
    Ok(is_random(id) && !store.is_young(modified) && !has_bytes()?)
}

/// Whether an id may be one that was made by [`UploadId::random`].
pub(super) fn is_random(id: &UploadId) -> bool {
    let last = id.as_str().rsplit('/').next().unwrap_or_default();
    last.len() == 32
        && last
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}
