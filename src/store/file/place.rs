//! Finds the bytes of an upload.

use std::io;
use std::path::{Component, Path, PathBuf};

use tower_tus_layers::protocol::UploadId;

use super::info::Document;
use super::layout::Layout;
use super::{FileStore, sys};
use crate::fs::error::DirectoryGone;

/// The place of the data file of an upload.
#[derive(Debug)]
pub(super) enum Place {
    /// The paths of its files, and a look at the data file.
    Found(Layout, sys::Seen),
    /// The data file is missing. This is the path where it was.
    Gone(PathBuf),
}

/// Returns the state of an upload, and where its bytes are.
pub(super) fn find(store: &FileStore, id: &UploadId) -> io::Result<(Layout, sys::Seen, Document)> {
    let (layout, document) = known(store, id)?;
    let (layout, seen) = found(store, id, layout, &document)?;
    Ok((layout, seen, document))
}

fn found(
    store: &FileStore,
    id: &UploadId,
    layout: Layout,
    document: &Document,
) -> io::Result<(Layout, sys::Seen)> {
    match locate(store, id, layout, document)? {
        Place::Found(layout, seen) => Ok((layout, seen)),
        Place::Gone(data) => still_mounted(&data).and(Err(io::ErrorKind::NotFound.into())),
    }
}

/// Like [`find`], and opens the bytes for reading.
pub(super) fn open(
    store: &FileStore,
    id: &UploadId,
) -> io::Result<(Layout, sys::File, sys::Seen, Document)> {
    let (layout, document) = known(store, id)?;
    // This saves a look at the file. If it fails, the long way tells why.
    if let Some((file, seen)) = sys::File::open_regular(&layout.data) {
        return Ok((layout, file, seen, document));
    }
    let (layout, _) = found(store, id, layout, &document)?;
    let file = sys::File::open_to_read(&layout.data)?;
    let seen = file.seen()?;
    Ok((layout, file, seen, document))
}

/// Returns the state of an upload, whether its bytes exist or not.
pub(super) fn known(store: &FileStore, id: &UploadId) -> io::Result<(Layout, Document)> {
    let layout = Layout::new(store.dir(), id);
    let document = Document::read(&layout.info)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((layout, document))
}

/// Finds the bytes: first at `<dir>/<id>`, then at the path in `.info`, which a
/// hook may have chosen.
///
/// If the directory was moved or copied, a recorded path inside the old
/// directory is looked up inside the new one. A path that leads to the file of
/// another upload, such as the original of a copy, does not count.
pub(super) fn locate(
    store: &FileStore,
    id: &UploadId,
    layout: Layout,
    document: &Document,
) -> io::Result<Place> {
    if let Some(seen) = sys::look(&layout.data)? {
        return Ok(Place::Found(layout, seen));
    }
    let Some(recorded) = document.data().map(|data| store.dir().join(data)) else {
        return Ok(Place::Gone(layout.data));
    };
    let moved = moved(store.dir(), id, document, &recorded);
    match of_this(&layout, document, [&moved, &recorded])? {
        Some((data, seen)) => Ok(Place::Found(layout.with_data(data), seen)),
        None => Ok(Place::Gone(moved)),
    }
}

/// Returns the path in `document` of the bytes of an upload that was being
/// created or removed, if they are still there.
///
/// Unlike [`locate`] it does not try the default place first: a creation makes
/// only the file that it has recorded.
pub(super) fn recorded(
    store: &FileStore,
    id: &UploadId,
    layout: &Layout,
    document: &Document,
) -> io::Result<Option<PathBuf>> {
    let Some(recorded) = document.data().map(|data| store.dir().join(data)) else {
        return Ok(Some(layout.data.clone()));
    };
    let moved = moved(store.dir(), id, document, &recorded);
    let found = of_this(layout, document, [&moved, &recorded])?;
    Ok(found.map(|(data, _)| data))
}

/// Returns the first of the paths, the moved and the recorded one, that leads
/// to bytes of this upload, and a look at them.
fn of_this(
    layout: &Layout,
    document: &Document,
    [moved, recorded]: [&PathBuf; 2],
) -> io::Result<Option<(PathBuf, sys::Seen)>> {
    let original = document.info_path().map(Path::new);
    // A path inside this directory does not lead to the original.
    let inside = original.filter(|_| moved == recorded);
    for (data, original) in [(moved, inside), (recorded, original)] {
        if let Some(seen) = sys::look(data)?
            && !is_of_another(data, original, layout)?
        {
            return Ok(Some((data.clone(), seen)));
        }
    }
    Ok(None)
}

/// Fails if the directory of missing bytes is missing as well: they may come
/// back with it.
pub(super) fn still_mounted(data: &Path) -> io::Result<()> {
    match lost_dir(data) {
        Some(dir) => {
            tracing::warn!(dir = %dir.display(), "the directory of an upload's bytes is gone");
            Err(DirectoryGone(dir.to_owned()).into())
        }
        None => Ok(()),
    }
}

/// Returns what to tell of an upload whose bytes are missing.
pub(super) fn gone(data: &Path) -> io::Error {
    match lost_dir(data) {
        Some(dir) => DirectoryGone(dir.to_owned()).into(),
        None => io::ErrorKind::NotFound.into(),
    }
}

/// Returns the directory of missing bytes if it is missing as well.
fn lost_dir(data: &Path) -> Option<&Path> {
    data.parent()
        .filter(|dir| !sys::is_dir(dir).unwrap_or(false))
}

/// Returns the new path of `recorded`, if it was inside the directory where `.info`
/// was written; otherwise `recorded` itself.
fn moved(dir: &Path, id: &UploadId, document: &Document, recorded: &Path) -> PathBuf {
    let info = format!("/{id}.info");
    let old = document
        .info_path()
        .and_then(|path| path.strip_suffix(&*info));
    let inside = match old {
        Some(old) => recorded.strip_prefix(old).ok(),
        // Early versions of tusd did not record the path of `.info`.
        None if recorded.ends_with(id.as_str()) => Some(Path::new(id.as_str())),
        None => None,
    };
    inside
        .filter(|inside| {
            inside
                .components()
                .all(|it| matches!(it, Component::Normal(_)))
        })
        .map_or_else(|| recorded.to_owned(), |inside| dir.join(inside))
}

/// Whether the bytes at `data` belong to another upload than that of `layout`:
/// to one that has its default place there, or to the `original` of a copy.
fn is_of_another(data: &Path, original: Option<&Path>, layout: &Layout) -> io::Result<bool> {
    let beside = Layout::info_beside(data);
    for info in [Some(&*beside), original].into_iter().flatten() {
        if sys::is_another_file(info, &layout.info)? {
            return Ok(true);
        }
    }
    Ok(false)
}
