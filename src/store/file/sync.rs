//! Which step is synced under which durability, and the syncs of more than one
//! file.
//!
//! A sync that fails is final, whatever its error: the kernel reports lost
//! bytes once, and the next sync of the same file would wrongly succeed.

use std::io;

use super::durability::Durability;
use super::layout::Layout;
use super::{FileStore, sys};

/// A step whose result survives a power cut, from some durability on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// `.info` is written: its content, before it gets its name. Otherwise a
    /// power cut could leave it empty.
    Info,
    /// An upload is created: the names of its files.
    Created,
    /// `.info` is replaced: its name.
    Replaced,
    /// A final upload gets its bytes: before `.info` says so.
    Assembled,
    /// A mark is set, or bytes after it are discarded: its content and name,
    /// and the new size of the data file.
    Mark,
    /// A chunk is stored: its bytes, and that its mark is gone.
    Stored,
    /// An upload is finished: its bytes, its `.info`, and their names.
    Finished,
    /// An upload is terminated: that its names are gone.
    Terminated,
}

impl Step {
    /// Returns the least durability that syncs the step.
    const fn from(self) -> Durability {
        match self {
            // An atomic chunk is never torn.
            Self::Mark => Durability::None,
            Self::Info | Self::Replaced | Self::Assembled | Self::Finished | Self::Terminated => {
                Durability::Finish
            }
            Self::Created | Self::Stored => Durability::Offset,
        }
    }
}

impl Durability {
    /// Returns whether the step is synced.
    pub(super) fn syncs(self, step: Step) -> bool {
        self >= step.from()
    }
}

/// Syncs the directories with the names of an upload's files, if the step
/// requires it.
pub(super) fn names(store: &FileStore, step: Step, layout: &Layout) -> io::Result<()> {
    if !store.durability.syncs(step) {
        return Ok(());
    }
    sync_dirs(store, layout)
}

/// A directory that exists may have been created just before a crash, so that
/// its name is not durable yet. Therefore this includes all directories up to
/// that of the store.
fn sync_dirs(store: &FileStore, layout: &Layout) -> io::Result<()> {
    let mut dirs = layout.dirs(store.dir()).into_iter();
    dirs.try_for_each(sys::sync_dir)
}

/// Why an upload could not be synced.
#[derive(Debug)]
pub(super) enum Unsynced {
    /// A sync has failed, so that bytes or names are lost for good.
    Lost(io::Error),
    /// A file could not be opened. Another attempt may succeed.
    Unread(io::Error),
}

/// Syncs the bytes, the state and the mark of an upload, and all names.
pub(super) fn whole(store: &FileStore, layout: &Layout) -> Result<(), Unsynced> {
    let (files, dirs) = open_all(store, layout).map_err(Unsynced::Unread)?;
    files
        .iter()
        .try_for_each(sys::File::sync_data)
        .and_then(|()| dirs.iter().try_for_each(sys::File::sync_names))
        .map_err(Unsynced::Lost)
}

/// Opens all files before any is synced, to tell what failed.
fn open_all(store: &FileStore, layout: &Layout) -> io::Result<(Vec<sys::File>, Vec<sys::File>)> {
    let mut files = vec![
        sys::open_to_sync(&layout.data)?,
        sys::open_to_sync(&layout.info)?,
    ];
    files.extend(sys::if_there(sys::open_to_sync(&layout.chunk))?);
    let dirs = layout
        .dirs(store.dir())
        .into_iter()
        .map(sys::File::open_dir);
    Ok((files, dirs.collect::<io::Result<_>>()?))
}
