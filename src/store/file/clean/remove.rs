//! Removes what a crash has left.

use std::io::{self, ErrorKind};
use std::path::Path;

use tower_tus_layers::protocol::UploadId;
use tower_tus_layers::store::{Leftover, LeftoverKind};

use super::super::info::Document;
use super::super::layout::Layout;
use super::super::{FileStore, claim, leftover, sys};
use super::look::{Locks, look};
use super::name::Name;
use crate::lock::file::left;

/// Removes a leftover, and returns its size, or `None` if it is none any more.
pub(super) fn remove(store: &FileStore, leftover: &Leftover) -> io::Result<Option<u64>> {
    let Some(found) = again(store, leftover)? else {
        return Ok(None);
    };
    let removed = remove_files(store, leftover).or_else(|error| match error.kind() {
        // Somebody holds it, or has created it just now.
        ErrorKind::ResourceBusy | ErrorKind::AlreadyExists => Ok(false),
        _ => Err(error),
    })?;
    Ok(removed.then_some(found.bytes))
}

/// Looks at a leftover again.
fn again(store: &FileStore, leftover: &Leftover) -> io::Result<Option<Leftover>> {
    let found = look(store, &leftover.name, Locks::Caller)?;
    let is_same = |found: &Leftover| match leftover.kind {
        // Whether these bytes belong to an upload was looked up for this very file.
        LeftoverKind::Empty | LeftoverKind::Orphan => found == leftover,
        kind => found.kind == kind,
    };
    Ok(found.filter(is_same))
}

/// Returns whether the files were removed.
fn remove_files(store: &FileStore, leftover: &Leftover) -> io::Result<bool> {
    use LeftoverKind::{Draft, Empty, HalfMade};
    let (dir, path) = (store.dir(), store.dir().join(&leftover.name));
    let layout = |id: &UploadId| Layout::new(dir, id);
    match Name::of(&leftover.name) {
        Some(Name::Draft | Name::Probe) => remove_unless_held(&path),
        Some(Name::LockDraft) => left::clear_draft(&path),
        Some(Name::Lock(id)) => left::clear_lock(dir, &id),
        Some(Name::Stop(id)) => left::clear_stop(dir, &id),
        Some(Name::New(id)) if leftover.kind == Draft => beside(&layout(&id)),
        Some(Name::New(id) | Name::Info(id)) if leftover.kind == HalfMade => {
            leftover::clear(store, &id, &layout(&id))
        }
        Some(Name::Info(id)) => info(store, leftover, &id, &layout(&id)),
        Some(Name::Data(id)) if leftover.kind == Empty => empty(store, &layout(&id)),
        Some(Name::Data(_) | Name::Chunk(_)) => sys::remove(&path).map(|()| true),
        _ => Ok(false),
    }
}

/// Removes a file that nobody holds.
fn remove_unless_held(path: &Path) -> io::Result<bool> {
    match claim::take(path)? {
        Some(_held) => sys::remove(path).map(|()| true),
        None => Ok(false),
    }
}

/// Removes an `<id>.new` beside a whole `.info`.
fn beside(layout: &Layout) -> io::Result<bool> {
    // Keeps out a termination, which gives the `.info` this name.
    let Some(_held) = claim::take(&layout.info)? else {
        return Ok(false);
    };
    let _new = match sys::is_another_file(&layout.new, &layout.info)? {
        true => claim::take(&layout.new)?,
        false => None,
    };
    let is_left = Document::counts(&layout.info)?;
    if is_left {
        sys::remove(&layout.new)?;
    }
    Ok(is_left)
}

/// Removes an `.info` whose bytes are gone, or that cannot be read.
fn info(
    store: &FileStore,
    leftover: &Leftover,
    id: &UploadId,
    layout: &Layout,
) -> io::Result<bool> {
    let Some(_held) = claim::take(&layout.info)? else {
        return Ok(false);
    };
    // Nobody changes it now.
    if again(store, leftover)?.is_none() {
        return Ok(false);
    }
    if leftover.kind == LeftoverKind::Unreadable {
        sys::remove(&layout.data)?;
    }
    for file in [&layout.chunk, &layout.info] {
        sys::remove(file)?;
    }
    store.forget(id);
    Ok(true)
}

/// Removes an empty file whose `.info` never came.
fn empty(store: &FileStore, layout: &Layout) -> io::Result<bool> {
    // A creation that goes on after all finds its `.info` taken. A crash leaves it
    // empty, and so a sign of a creation that was cut short.
    let _held = claim::create(&layout.info, store.file_mode)?;
    let is_empty = sys::look(&layout.data)?.is_some_and(|seen| seen.len == 0);
    if is_empty {
        sys::remove(&layout.data)?;
    }
    sys::remove(&layout.info)?;
    Ok(is_empty)
}
