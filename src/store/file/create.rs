use std::io;
use std::path::Path;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, NewUpload, Offset, Upload, UploadId};

use super::error::{of_new_upload, of_store};
use super::handle::FileHandle;
use super::info::Document;
use super::layout::Layout;
use super::{Durability, FileStore, publish, sys};

/// Makes the files of a new upload, or leaves none behind.
pub(super) fn create(store: &FileStore, new: NewUpload) -> Result<FileHandle, Error> {
    create_with(store, new, Offset::ZERO, |_| Ok(()))
}

/// As [`create`], with `offset` bytes that `fill` writes to the data file: they
/// are there before the upload is.
pub(super) fn create_with(
    store: &FileStore,
    new: NewUpload,
    offset: Offset,
    fill: impl FnOnce(&sys::File) -> Result<(), Error>,
) -> Result<FileHandle, Error> {
    let storage_path = new.storage_path.clone();
    let mut upload = Upload::from(new);
    upload.offset = offset;

    // On its own, so that a file in the store's place is not taken for an upload.
    make_home(store).map_err(of_store)?;
    let mut layout = Layout::new(store.dir(), &upload.id);
    if is_taken(store.dir(), &upload.id, &layout).map_err(of_store)? {
        return Err(Error::UploadExists);
    }
    if let Some(place) = storage_path.filter(|place| !place.is_empty()) {
        layout = layout.with_data(store.dir().join(place));
    }
    let document = Document::new(&upload, &layout);
    upload.storage = document.storage();
    upload.set_path(&layout.data);
    let data = take_place(store, &layout).map_err(of_new_upload)?;
    let filled =
        fill(&data).and_then(|()| publish::first(store, &layout, &document).map_err(of_new_upload));
    filled.inspect_err(|_| {
        let _ = sys::remove(&layout.data);
    })?;
    // Now that something is in it: in an overlay it may have changed by that.
    store.home.remember().map_err(of_store)?;
    Ok(FileHandle::new(
        store.clone(),
        Arc::new(layout),
        document,
        upload,
    ))
}

/// Makes the directory of the store, unless it has been there: then it comes back,
/// and what is made in its place meanwhile would be hidden by it.
fn make_home(store: &FileStore) -> io::Result<()> {
    match store.home.is_known() {
        true => Ok(()),
        false => make_dirs(store, store.dir()),
    }
}

/// Makes the directory of the store where it is missing, and makes sure that it
/// can be written to.
pub(super) fn prepare(store: &FileStore) -> io::Result<()> {
    make_home(store)?;
    sys::try_to_write(store.dir())?;
    store.home.remember()
}

/// Whether the id is in use, or lies below one that is.
fn is_taken(dir: &Path, id: &UploadId, layout: &Layout) -> io::Result<bool> {
    for above in Layout::above(dir, id) {
        let is_file = sys::exists(&above.data)? && !sys::is_dir(&above.data)?;
        // Its bytes may lie elsewhere, or have been moved away.
        if is_file || sys::exists(&above.info)? {
            return Ok(true);
        }
    }
    Ok(sys::exists(&layout.info)? || sys::exists(&layout.data)?)
}

/// Makes the data file: who has made it has the place, and is the one to remove it.
fn take_place(store: &FileStore, layout: &Layout) -> io::Result<sys::File> {
    // The place of another upload's bytes is taken, also while these lie elsewhere.
    if sys::exists(&layout.data)? || sys::exists(&Layout::info_beside(&layout.data))? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    for file in [&layout.data, &layout.info] {
        if let Some(parent) = file.parent() {
            make_dirs(store, parent)?;
        }
    }
    sys::File::create_new_with(&layout.data, store.file_mode)
}

/// Makes a directory, once for many uploads: under all but no durability it lasts from then on.
fn make_dirs(store: &FileStore, path: &Path) -> io::Result<()> {
    let changed = sys::make_dirs(path, store.dir_mode)?;
    if store.durability >= Durability::Finish {
        changed.into_iter().try_for_each(sys::sync_dir)?;
    }
    Ok(())
}
