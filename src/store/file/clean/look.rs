//! Decides what a file is.

use std::io;
use std::path::Path;

use tower_tus_layers::protocol::UploadId;
use tower_tus_layers::store::{Leftover, LeftoverKind};

use super::super::info::Document;
use super::super::layout::Layout;
use super::super::leftover::{self, is_abandoned, is_random};
use super::super::place::{self, Place};
use super::super::{FileStore, sys};
use super::name::Name;
use crate::lock::file::left;

/// Whose the locks of uploads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locks {
    /// Those of others.
    Others,
    /// The caller has taken the one that matters.
    Caller,
}

/// Returns what a crash has left under this name, if it is anything of that kind.
///
/// Of bytes without an `.info`, this does not tell whether they are those of an upload
/// that has another name. See [`Records`](super::elsewhere::Records).
pub(super) fn look(store: &FileStore, path: &str, locks: Locks) -> io::Result<Option<Leftover>> {
    let Some(name) = Name::of(path) else {
        return Ok(None);
    };
    let place = store.dir().join(path);
    // Not what a link leads to.
    if sys::kind_at(&place)? != Some(sys::Kind::File) {
        return Ok(None);
    }
    let Some(seen) = sys::look(&place)? else {
        return Ok(None);
    };
    let kind = match &name {
        Name::Draft | Name::Probe => draft(store, &place, seen)?,
        Name::LockDraft => left::is_draft_left(&place)?.then_some(LeftoverKind::Draft),
        Name::Lock(id) => left::is_lock_left(store.dir(), id)?.then_some(LeftoverKind::Lock),
        Name::Stop(id) => left::is_stop_left(store.dir(), id)?.then_some(LeftoverKind::Lock),
        Name::Data(id) => data(store, id, seen, locks)?,
        Name::Info(id) => info(store, id, seen)?,
        Name::New(id) => new(store, id, seen)?,
        Name::Chunk(id) => chunk(store, id)?,
    };
    let Some(kind) = kind else { return Ok(None) };
    let mut leftover = Leftover::new(path, kind);
    leftover.bytes = seen.len;
    leftover.modified = Some(seen.modified);
    if let Name::Data(id) | Name::Info(id) | Name::New(id) | Name::Chunk(id) = name {
        leftover.bytes += beside(store, &id, kind)?;
        leftover.id = Some(id);
    }
    Ok(Some(leftover))
}

/// Returns the size of what goes together with the file that was found.
fn beside(store: &FileStore, id: &UploadId, kind: LeftoverKind) -> io::Result<u64> {
    let layout = Layout::new(store.dir(), id);
    let data = match kind {
        LeftoverKind::HalfMade => {
            let new = sys::read(&layout.new)?.unwrap_or_default();
            leftover::data(store, id, &layout, &new)?
        }
        LeftoverKind::Unreadable => Some(layout.data.clone()),
        _ => return Ok(0),
    };
    let mut bytes = 0;
    for file in data.iter().chain([&layout.chunk]) {
        bytes += sys::look(file)?.map_or(0, |seen| seen.len);
    }
    Ok(bytes)
}

/// Nobody holds such a file, and it is not written for long.
fn draft(store: &FileStore, place: &Path, seen: sys::Seen) -> io::Result<Option<LeftoverKind>> {
    let is_left = !store.is_young(seen.modified) && !is_held(place)?;
    Ok(is_left.then_some(LeftoverKind::Draft))
}

fn is_held(place: &Path) -> io::Result<bool> {
    let file = sys::File::open_to_lock(place)?;
    Ok(file.is_some_and(|file| file.try_lock().is_none()))
}

fn new(store: &FileStore, id: &UploadId, seen: sys::Seen) -> io::Result<Option<LeftoverKind>> {
    let layout = Layout::new(store.dir(), id);
    // A request that has just created it is about to hold it.
    if !store.is_young(seen.modified) && is_held(&layout.new)? {
        return Ok(None);
    }
    Ok(Some(match Document::counts(&layout.info)? {
        true => LeftoverKind::Draft,
        false => LeftoverKind::HalfMade,
    }))
}

fn chunk(store: &FileStore, id: &UploadId) -> io::Result<Option<LeftoverKind>> {
    let layout = Layout::new(store.dir(), id);
    let is_left = !sys::exists(&layout.info)? && !sys::exists(&layout.new)?;
    Ok(is_left.then_some(LeftoverKind::Chunk))
}

fn info(store: &FileStore, id: &UploadId, seen: sys::Seen) -> io::Result<Option<LeftoverKind>> {
    let layout = Layout::new(store.dir(), id);
    match Document::load(&layout.info)? {
        Some(Ok(document)) => {
            let is_moved = is_moved(store, id, layout, &document)?;
            Ok(is_moved.then_some(LeftoverKind::Moved))
        }
        // Its `.new` stands for it.
        None if sys::exists(&layout.new)? => Ok(None),
        None if is_abandoned(store, id, &layout, seen.modified)? => {
            Ok(Some(LeftoverKind::HalfMade))
        }
        // tusd may just be writing it.
        None if store.is_young(seen.modified) => Ok(None),
        Some(Err(_)) | None => Ok(Some(LeftoverKind::Unreadable)),
    }
}

/// Whether the bytes of an upload are gone, and will not come back with a disk that is
/// mounted again.
fn is_moved(
    store: &FileStore,
    id: &UploadId,
    layout: Layout,
    document: &Document,
) -> io::Result<bool> {
    let dir = layout.info.parent().map(Path::to_owned);
    let default = layout.data.clone();
    match place::locate(store, id, layout, document)? {
        Place::Found(located, _) => {
            let data = located.data.parent();
            if let Some(data) = data.filter(|data| Some(*data) != dir.as_deref()) {
                store.elsewhere.saw(data);
            }
            Ok(false)
        }
        // Something else is at its place, such as a link to another disk.
        Place::Gone(_) if sys::exists(&default)? => Ok(false),
        Place::Gone(data) => {
            // Without a record of where the `.info` was written, they may never have been
            // beside it.
            let recorded = document.data().filter(|_| document.info_path().is_none());
            let data = recorded.map_or(data, |recorded| store.dir().join(recorded));
            let data = data.parent();
            let knows = |data| store.elsewhere.knows(store.dir(), data);
            Ok(data == dir.as_deref() || data.is_some_and(knows))
        }
    }
}

fn data(
    store: &FileStore,
    id: &UploadId,
    seen: sys::Seen,
    locks: Locks,
) -> io::Result<Option<LeftoverKind>> {
    let layout = Layout::new(store.dir(), id);
    if sys::exists(&layout.info)? || sys::exists(&layout.new)? {
        return Ok(None);
    }
    // A creation makes this file first, and holds nothing.
    if store.is_young(seen.modified) {
        return Ok(None);
    }
    if locks == Locks::Others && left::is_held(store.dir(), id)? {
        return Ok(None);
    }
    Ok(Some(match seen.len == 0 && is_random(id) {
        true => LeftoverKind::Empty,
        false => LeftoverKind::Orphan,
    }))
}
