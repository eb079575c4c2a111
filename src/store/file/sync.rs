//! Which step is synced under which durability, and the syncs of more than one
//! file.
//!
//! A sync that fails is final, whatever its error: the kernel reports lost
//! bytes once, and the next sync of the same file would wrongly succeed.

use std::io;

use rustix::io::Errno;
use tower_tus_layers::protocol::Error;

use super::durability::Durability;
use super::error::{errno, of_upload};
use super::info::SEAL;
use super::layout::Layout;
use super::{FileStore, sys};

/// A step whose result survives a power cut, from some durability on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// An upload is created: its `.info`, and the names of its files.
    Created,
    /// `.info` is replaced: its content, before it takes the name of the one that
    /// is there, and then the name.
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
            Self::Replaced | Self::Assembled | Self::Mark | Self::Finished | Self::Terminated => {
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
///
/// A directory that exists may have been created just before a crash, so that
/// its name is not durable yet. Therefore this includes all directories up to
/// that of the store.
pub(super) fn names(store: &FileStore, step: Step, layout: &Layout) -> io::Result<()> {
    if !store.durability.syncs(step) {
        return Ok(());
    }
    for dir in layout.dirs(store.dir()) {
        sys::sync_dir(dir)?;
    }
    Ok(())
}

/// Why an upload could not be synced.
#[derive(Debug)]
pub(super) enum Unsynced {
    /// A sync has failed, so that bytes or names are lost for good.
    Lost(io::Error),
    /// The file system syncs no files, like an image that can only be read, so
    /// that it cannot have lost any bytes either.
    Unsupported(io::Error),
    /// Nothing is lost that another attempt could not bring.
    Untold(io::Error),
}

impl Unsynced {
    fn of(error: io::Error) -> Self {
        match errno(&error) {
            Some(Errno::INVAL | Errno::OPNOTSUPP) => Self::Unsupported(error),
            _ => Self::Lost(error),
        }
    }
}

impl From<Unsynced> for Error {
    fn from(unsynced: Unsynced) -> Self {
        match unsynced {
            // The client cannot mend it, not even if the disk was full.
            Unsynced::Lost(error) | Unsynced::Unsupported(error) => Self::internal(error),
            Unsynced::Untold(error) => of_upload(error),
        }
    }
}

/// What of an upload may not be durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A mark that was moving, and the names of its files. Everything else in
    /// them is synced.
    Names,
    /// Its state, since it was [sealed](SEAL). Everything else is synced.
    State,
    /// Its bytes, its state, its mark, and all names.
    Whole,
    /// The same, and that it is finished: its state is [sealed](SEAL).
    Finish,
}

/// Syncs what another process may have left unsynced. The data file may be open
/// already.
pub(super) fn part(
    store: &FileStore,
    part: Part,
    layout: &Layout,
    data: Option<sys::File>,
) -> Result<(), Unsynced> {
    match part {
        Part::Names => {
            left_mark(layout)?;
            // All uploads share directories, and sync them again.
            left_names(store, layout).map_err(Unsynced::Untold)
        }
        Part::State => {
            let info = sys::open_to_sync(&layout.info).map_err(Unsynced::Untold)?;
            sync_state(&info).map_err(Unsynced::of)
        }
        Part::Whole => {
            let info = sys::open_to_sync(&layout.info);
            let opened = Opened::open(store, layout, data, info).map_err(Unsynced::Untold)?;
            opened.sync()
        }
        Part::Finish => {
            let info = sys::File::open(&layout.info);
            let opened = Opened::open(store, layout, data, info).map_err(Unsynced::Untold)?;
            opened.sync_and_seal()
        }
    }
}

/// Records in `.info` that the upload is finished.
fn seal(info: &sys::File) -> io::Result<()> {
    info.write_at(&mut info.len()?, &[SEAL.into()])
}

fn left_mark(layout: &Layout) -> Result<(), Unsynced> {
    let mark = sys::File::open_if_there(&layout.chunk);
    match mark.map_err(Unsynced::Untold)? {
        Some(mark) => mark.sync_data().map_err(Unsynced::of),
        None => Ok(()),
    }
}

fn left_names(store: &FileStore, layout: &Layout) -> io::Result<()> {
    for dir in layout.dirs(store.dir()) {
        sys::sync_dir(dir)?;
    }
    Ok(())
}

/// The files of an upload, and the directories that lead to them: all are opened
/// before any is synced, to tell what has failed.
struct Opened {
    data: sys::File,
    info: sys::File,
    mark: Option<sys::File>,
    dirs: Vec<sys::File>,
}

impl Opened {
    fn open(
        store: &FileStore,
        layout: &Layout,
        data: Option<sys::File>,
        info: io::Result<sys::File>,
    ) -> io::Result<Self> {
        let dirs = layout.dirs(store.dir()).into_iter();
        Ok(Self {
            data: match data {
                Some(data) => data,
                None => sys::open_to_sync(&layout.data)?,
            },
            info: info?,
            mark: sys::File::open_if_there(&layout.chunk)?,
            dirs: dirs.map(sys::File::open_dir).collect::<io::Result<_>>()?,
        })
    }

    fn sync(self) -> Result<(), Unsynced> {
        let info = self.sync_all_but_info()?;
        sync_state(&info).map_err(Unsynced::of)
    }

    fn sync_and_seal(self) -> Result<(), Unsynced> {
        let info = self.sync_all_but_info()?;
        seal(&info).map_err(Unsynced::Untold)?;
        sync_state(&info).map_err(Unsynced::of)
    }

    fn sync_all_but_info(self) -> Result<sys::File, Unsynced> {
        sync_bytes(&self.data)
            .and_then(|()| self.mark.as_ref().map_or(Ok(()), sync_mark))
            .and_then(|()| sync_names(&self.dirs))
            .map_err(Unsynced::of)?;
        Ok(self.info)
    }
}

fn sync_bytes(data: &sys::File) -> io::Result<()> {
    data.sync_data()
}

fn sync_names(dirs: &[sys::File]) -> io::Result<()> {
    for dir in dirs {
        dir.sync_names()?;
    }
    Ok(())
}

fn sync_state(info: &sys::File) -> io::Result<()> {
    info.sync_data()
}

fn sync_mark(mark: &sys::File) -> io::Result<()> {
    mark.sync_data()
}
