//! Makes the files of uploads whose random id nobody knows yet.
//!
//! Nothing has such a name, and nobody asks for it before the creation is
//! answered. So each file gets its name at once, and needs no claim. A crash
//! leaves an empty data file, perhaps with an `.info` that was cut short and
//! counts as none, under a name that no upload will have again.

use std::io;

use tower_tus_layers::protocol::Error;

use super::create::make_dirs;
use super::error::of_new_upload;
use super::info::Document;
use super::layout::Layout;
use super::sync::{self, Step};
use super::{FileStore, publish, sys};

/// Makes the files, or leaves none behind, except directories. Returns the data
/// file, which is empty.
pub(super) fn make_files(
    store: &FileStore,
    layout: &Layout,
    document: &Document,
) -> Result<sys::File, Error> {
    let data = make_data(store, layout).map_err(of_new_upload)?;
    make_info(store, layout, document)
        .inspect_err(|_| drop(sys::remove(&layout.data)))
        .map_err(of_new_upload)?;
    Ok(data)
}

/// Makes the data file, and the directories below that of the store which are
/// missing.
fn make_data(store: &FileStore, layout: &Layout) -> io::Result<sys::File> {
    let make = || sys::File::create_new_with(&layout.data, store.file_mode);
    match layout.data.parent() {
        Some(dir) if dir != store.dir() => make().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => make_dirs(store, dir).and_then(|()| make()),
            _ => Err(error),
        }),
        _ => make(),
    }
}

fn make_info(store: &FileStore, layout: &Layout, document: &Document) -> io::Result<()> {
    let info = sys::File::create_new_with(&layout.info, store.file_mode)?;
    publish::write(store, Step::Created, info, document)
        .and_then(|()| sync::names(store, Step::Created, layout))
        .inspect_err(|_| drop(sys::remove(&layout.info)))
}
