//! Creates uploads.
//!
//! A creation claims `<id>.new` first and publishes it as `.info` last. So the
//! files that a crash leaves in between are known to be nobody's, and a file
//! that was there before is somebody's and never overwritten. Only an upload
//! with a [fresh](super::fresh) id needs none of this.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, Length, NewUpload, Offset, Upload, UploadId};

use super::error::{is_read_only, of_new_upload, of_store};
use super::handle::FileHandle;
use super::info::Document;
use super::layout::Layout;
use super::state::State;
use super::sync::Step;
use super::{FileStore, claim, fresh, leftover, publish, sys};

/// Creates the files of a new upload, or leaves none behind.
pub(super) fn create(store: &FileStore, new: NewUpload) -> Result<FileHandle, Error> {
    check_object(&new)?;
    let is_elsewhere = new.storage_path.as_ref().is_some_and(|it| !it.is_empty());
    if !new.is_fresh() || is_elsewhere {
        return create_with(store, new, Offset::ZERO, |_| Ok(()));
    }
    make_room(store, new.length).map_err(of_store)?;
    let layout = Layout::new(store.dir(), &new.id);
    check_above(store.dir(), &new.id).map_err(of_new_upload)?;
    let state = describe(store, new.into(), layout);
    let data = fresh::make_files(store, &state.layout, &state.document)?;
    created(state, Some(data))
}

/// Like [`create`], with `offset` bytes that `fill` writes to the data file
/// before the upload exists.
pub(super) fn create_with(
    store: &FileStore,
    new: NewUpload,
    offset: Offset,
    fill: impl FnOnce(&sys::File) -> Result<(), Error>,
) -> Result<FileHandle, Error> {
    check_object(&new)?;
    let storage_path = new.storage_path.clone();
    let mut upload = Upload::from(new);
    upload.offset = offset;

    // A separate step: a file in place of the directory is no existing upload.
    make_room(store, upload.length).map_err(of_store)?;
    let mut layout = Layout::new(store.dir(), &upload.id);
    check_id(store.dir(), &upload.id, &layout).map_err(of_new_upload)?;
    leftover::clear(store, &upload.id, &layout).map_err(of_new_upload)?;
    check_place(&layout).map_err(of_new_upload)?;
    if let Some(place) = storage_path.filter(|place| !place.is_empty()) {
        layout = layout.with_data(store.dir().join(place));
        check_place(&layout).map_err(of_new_upload)?;
    }
    let state = describe(store, upload, layout);
    make_files(store, &state.layout, &state.document, fill)?;
    store.forget(&state.upload.id);
    created(state, None)
}

/// Fails if a gate asks for what only object stores have.
fn check_object(new: &NewUpload) -> Result<(), Error> {
    match new.object.is_empty() {
        true => Ok(()),
        false => {
            let why = format!(
                "files have nothing of what a gate asks for: {:?}",
                new.object
            );
            Err(Error::internal(why))
        }
    }
}

/// Returns the state of an upload whose files are to be made.
fn describe(store: &FileStore, mut upload: Upload, layout: Layout) -> State {
    let mut document = Document::of_files(&upload, &layout);
    document.set_synced(store.durability.syncs(Step::Created));
    upload.storage = document.storage();
    upload.set_path(&layout.data);
    State {
        store: store.clone(),
        layout: Arc::new(layout),
        tail: document.tail(),
        document,
        upload,
        is_settled: true,
    }
}

fn created(state: State, data: Option<sys::File>) -> Result<FileHandle, Error> {
    let (store, upload) = (&state.store, &state.upload);
    // Only now, with a file in it: overlay file systems may have changed its
    // identity.
    store.home.remember().map_err(of_store)?;
    if store.durability.syncs(Step::Created) {
        store.synced.insert(&upload.id, upload.offset);
    }
    Ok(FileHandle::created(state, data))
}

/// Creates the directory of the store, and checks that its disk has space for an upload.
fn make_room(store: &FileStore, length: Option<Length>) -> io::Result<()> {
    make_home(store)?;
    store.free.check(store.dir(), length)
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
/// writable, or warns that its disk is read-only.
pub(super) fn prepare(store: &FileStore) -> io::Result<()> {
    make_home(store)?;
    match sys::try_to_write(store.dir()) {
        Err(error) if is_read_only(&error) => store.home.warn_of_read_only(),
        written => written?,
    }
    store.home.remember()
}

/// Fails if the id is in use, or lies below one that is.
fn check_id(dir: &Path, id: &UploadId, layout: &Layout) -> io::Result<()> {
    check_above(dir, id)?;
    match Document::counts(&layout.info)? {
        true => taken(),
        false => Ok(()),
    }
}

/// Fails if the id lies below one that is in use.
fn check_above(dir: &Path, id: &UploadId) -> io::Result<()> {
    for above in Layout::above(dir, id) {
        let is_file = sys::exists(&above.data)? && !sys::is_dir(&above.data)?;
        // The bytes of that upload may be elsewhere, or may have been moved
        // away.
        if is_file || sys::exists(&above.info)? {
            return taken();
        }
    }
    Ok(())
}

/// Fails if something is at the place of the data file, or if the place belongs
/// to another upload, whose own bytes may be elsewhere.
fn check_place(layout: &Layout) -> io::Result<()> {
    let info = Layout::info_beside(&layout.data);
    let is_another = info != layout.info && sys::exists(&info)?;
    match is_another || sys::exists(&layout.data)? {
        true => taken(),
        false => Ok(()),
    }
}

fn taken() -> io::Result<()> {
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Creates the files, or leaves none behind, except directories.
fn make_files(
    store: &FileStore,
    layout: &Layout,
    document: &Document,
    fill: impl FnOnce(&sys::File) -> Result<(), Error>,
) -> Result<(), Error> {
    for file in [&layout.data, &layout.new] {
        let dir = file.parent().unwrap_or(store.dir());
        make_dirs(store, dir).map_err(of_new_upload)?;
    }
    let _held = claim::create(&layout.new, store.file_mode).map_err(of_new_upload)?;
    publish::draft(store, layout, document)
        .map_err(of_new_upload)
        .and_then(|()| make_data(store, layout, fill))
        .inspect_err(|_| drop(sys::remove(&layout.new)))
}

/// Creates the data file and publishes the upload. Who creates the file owns
/// the place, and is the one to remove it.
fn make_data(
    store: &FileStore,
    layout: &Layout,
    fill: impl FnOnce(&sys::File) -> Result<(), Error>,
) -> Result<(), Error> {
    let data = sys::File::create_new_with(&layout.data, store.file_mode).map_err(of_new_upload)?;
    fill(&data)
        .and_then(|()| data.close().map_err(of_store))
        .and_then(|()| publish::first(store, layout).map_err(of_new_upload))
        .inspect_err(|_| drop(sys::remove(&layout.data)))
}

/// Creates a directory. It becomes durable with the names in it, which are
/// synced when an upload has to survive.
pub(super) fn make_dirs(store: &FileStore, path: &Path) -> io::Result<()> {
    sys::make_dirs(path, store.dir_mode).map(drop)
}
