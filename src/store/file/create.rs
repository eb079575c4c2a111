use std::io;
use std::path::Path;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, NewUpload, Offset, Upload, UploadId};

use super::error::{of_new_upload, of_store};
use super::handle::FileHandle;
use super::info::Document;
use super::layout::Layout;
use super::{Durability, FileStore, publish, sys};

/// Creates the files of a new upload, or leaves none behind.
pub(super) fn create(store: &FileStore, new: NewUpload) -> Result<FileHandle, Error> {
    create_with(store, new, Offset::ZERO, |_| Ok(()))
}

/// Like [`create`], with `offset` bytes that `fill` writes to the data file
/// before the upload exists.
pub(super) fn create_with(
    store: &FileStore,
    new: NewUpload,
    offset: Offset,
    fill: impl FnOnce(&sys::File) -> Result<(), Error>,
) -> Result<FileHandle, Error> {
    let storage_path = new.storage_path.clone();
    let mut upload = Upload::from(new);
    upload.offset = offset;

    // A separate step: a file in place of the directory is no existing upload.
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
    // Only now, with a file in it: overlay file systems may have changed its
    // identity.
    store.home.remember().map_err(of_store)?;
    Ok(FileHandle::new(
        store.clone(),
        Arc::new(layout),
        document,
        upload,
    ))
}

/// Creates the directory of the store, unless it has existed before: then it
/// may come back, and would hide whatever was created in its place.
fn make_home(store: &FileStore) -> io::Result<()> {
    match store.home.is_known() {
        true => Ok(()),
        false => make_dirs(store, store.dir()),
    }
}

/// Creates the directory of the store if it is missing, and checks that it is
/// writable.
pub(super) fn prepare(store: &FileStore) -> io::Result<()> {
    make_home(store)?;
    sys::try_to_write(store.dir())?;
    store.home.remember()
}

/// Whether the id is in use, or lies below one that is.
fn is_taken(dir: &Path, id: &UploadId, layout: &Layout) -> io::Result<bool> {
    for above in Layout::above(dir, id) {
        let is_file = sys::exists(&above.data)? && !sys::is_dir(&above.data)?;
        // The bytes of that upload may be elsewhere, or may have been moved
        // away.
        if is_file || sys::exists(&above.info)? {
            return Ok(true);
        }
    }
    Ok(sys::exists(&layout.info)? || sys::exists(&layout.data)?)
}

/// Creates the data file. Its creator owns the place and is the one to remove
/// it.
fn take_place(store: &FileStore, layout: &Layout) -> io::Result<sys::File> {
    // The place belongs to any upload with `.info` here, even if its bytes are
    // elsewhere.
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

/// Creates a directory for many uploads. It is synced right away, unless
/// durability is `None`.
fn make_dirs(store: &FileStore, path: &Path) -> io::Result<()> {
    let changed = sys::make_dirs(path, store.dir_mode)?;
    if store.durability >= Durability::Finish {
        changed.into_iter().try_for_each(sys::sync_dir)?;
    }
    Ok(())
}
