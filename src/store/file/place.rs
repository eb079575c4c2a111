//! Where the bytes of an upload are.

use std::io;
use std::path::{Component, Path, PathBuf};

use tower_tus_layers::protocol::UploadId;

use super::info::Document;
use super::layout::Layout;
use super::{FileStore, sys};
use crate::fs::error::DirectoryGone;

/// Where the data file of an upload is.
#[derive(Debug)]
pub(super) enum Place {
    /// Its files, and how many bytes there are.
    Found(Layout, u64),
    /// Nowhere. This is where it was.
    Gone(PathBuf),
}

/// What is known of an upload, and where its bytes are.
pub(super) fn find(store: &FileStore, id: &UploadId) -> io::Result<(Layout, u64, Document)> {
    let (layout, document) = known(store, id)?;
    match locate(store, id, layout, &document)? {
        Place::Found(layout, size) => Ok((layout, size, document)),
        Place::Gone(data) => still_mounted(&data).and(Err(io::ErrorKind::NotFound.into())),
    }
}

/// What `.info` says of an upload, whether there are bytes or not.
pub(super) fn known(store: &FileStore, id: &UploadId) -> io::Result<(Layout, Document)> {
    let layout = Layout::new(store.dir(), id);
    let document = Document::read(&layout.info)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((layout, document))
}

/// Looks for the bytes: first at `<dir>/<id>`, then where `.info` says, as for
/// an upload whose place a hook has named.
///
/// When the directory was moved or copied, what lay inside it is looked for
/// inside it. A path that leads to the file of another upload, such as the one
/// that this one is a copy of, does not count.
pub(super) fn locate(
    store: &FileStore,
    id: &UploadId,
    layout: Layout,
    document: &Document,
) -> io::Result<Place> {
    if let Some(size) = sys::file_size(&layout.data)? {
        return Ok(Place::Found(layout, size));
    }
    let Some(told) = document.data().map(|data| store.dir().join(data)) else {
        return Ok(Place::Gone(layout.data));
    };
    let moved = moved(store.dir(), id, document, &told);
    let original = document.info_path().map(Path::new);
    // What was looked for inside this directory is not the original's.
    let inside = original.filter(|_| moved == told);
    for (data, original) in [(&moved, inside), (&told, original)] {
        if let Some(size) = sys::file_size(data)?
            && !is_of_another(data, original, &layout)?
        {
            return Ok(Place::Found(layout.with_data(data.clone()), size));
        }
    }
    Ok(Place::Gone(moved))
}

/// Fails where the directory of bytes that are gone is gone as well: they may
/// come back with it.
pub(super) fn still_mounted(data: &Path) -> io::Result<()> {
    match data.parent() {
        Some(dir) if !dir.is_dir() => Err(DirectoryGone(dir.to_owned()).into()),
        _ => Ok(()),
    }
}

/// Where `told` is in the directory as it is now, when it was in the directory
/// that `.info` was written in.
fn moved(dir: &Path, id: &UploadId, document: &Document, told: &Path) -> PathBuf {
    let info = format!("/{id}.info");
    let old = document
        .info_path()
        .and_then(|path| path.strip_suffix(&*info));
    let inside = match old {
        Some(old) => told.strip_prefix(old).ok(),
        // An early tusd did not say where `.info` was.
        None if told.ends_with(id.as_str()) => Some(Path::new(id.as_str())),
        None => None,
    };
    inside
        .filter(|inside| {
            inside
                .components()
                .all(|it| matches!(it, Component::Normal(_)))
        })
        .map_or_else(|| told.to_owned(), |inside| dir.join(inside))
}

/// Whether the bytes at `data` are those of another upload than that of `layout`:
/// of one whose own place that is, or of the `original` that it is a copy of.
fn is_of_another(data: &Path, original: Option<&Path>, layout: &Layout) -> io::Result<bool> {
    let beside = Layout::info_beside(data);
    for info in [Some(&*beside), original].into_iter().flatten() {
        if sys::is_another_file(info, &layout.info)? {
            return Ok(true);
        }
    }
    Ok(false)
}
