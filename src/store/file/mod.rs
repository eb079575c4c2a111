//! Uploads as files in a directory, with tusd's layout.
//!
//! An upload that was begun under tusd continues here, and the other way round. The
//! upload `id` has these files in the directory:
//!
//! | file         | what                                                          |
//! |--------------|---------------------------------------------------------------|
//! | `<id>`       | its bytes. The file's size is the upload's offset             |
//! | `<id>.info`  | its state: tusd's JSON with at most one more member, `TowerTus`: the exact `Upload-Metadata` and `Upload-Concat`, the finish state, the answer to the finish, and which finals wait for which uploads |
//! | `<id>.chunk` | while a chunk arrives under [`Durability::Offset`], or in more than one piece under [`WriteMode::Atomic`]: the offset where it began, or up to which it is synced, which is the upload's offset meanwhile. tusd does not know it |
//! | `<id>.new`   | the `<id>.info` of an upload that is being removed, or created with an id that was chosen. If a crash came first, its id is free |
//! | `.<random>.new` | the next `<id>.info` while it is written                  |
//!
//! The bytes may lie elsewhere: if there is no `<id>`, they are at `Storage.Path` of
//! `.info`, absolute or relative to the directory. A directory that was moved or
//! copied uses its own files, never those of the original. An upload whose bytes are
//! in neither place is not found, and appending to it does not bring them back; if
//! their directory is missing too, its storage is unavailable.
//! [`Upload::path`] returns the place of the bytes.
//!
//! An id with segments, `a/b`, is `<dir>/a/b` and `<dir>/a/b.info`. Creating an
//! upload makes the directories for it, nothing removes them, and an upload cannot
//! have the name of a directory. By default files have mode 0664 and directories
//! 0775, less the umask.
//!
//! # Which files are written when
//!
//! An upload whose id is [fresh](NewUpload::is_fresh) gets both files under their
//! names at once: nobody can ask for it before its creation is answered. A crash
//! meanwhile leaves an empty data file, and perhaps an `.info` that is cut short and
//! counts as none. Other ids may be in use or in creation elsewhere, so `.info` is
//! written as `<id>.new` and renamed.
//!
//! A later `.info` replaces the one before it by a rename, so a program that watches
//! the directory sees `moved_to`. Under [`Durability::Finish`], when an upload is
//! finished and no gate decides about it, a space is appended instead: behind a whole
//! `.info` it means that the upload is finished, with everything synced. A watching
//! program sees `close_write`.
//!
//! A handle keeps the data file open from the creation, or from the first bytes of a
//! chunk, until it is closed at the end of the chunk or synced when the upload is
//! finished. What arrives together is written together, up to 256 KiB. While a request
//! waits for bytes, it holds no memory here.
//!
//! # Failures of the disk
//!
//! A kernel that cannot write bytes reports it to one sync, or to one close, and
//! drops them. So a sync that has failed is never repeated. Under
//! [`Durability::Offset`] the upload continues after the bytes that were synced
//! before. Otherwise a complete upload that cannot be synced
//! [has failed](Upload::is_failed) permanently, which its `.info` records.
//!
//! After a power cut, an unfinished upload ends at the first hole in its data
//! file: bytes that were lost within its size.
//!
//! # A slow disk
//!
//! While the disk is fast, most file operations take less time than handing them to
//! another thread, so they run on the worker thread that serves the request. What
//! waits for the disk runs on tokio's blocking pool: syncs, truncations, copies, the
//! removal of an upload's bytes, and reads of bytes that are not in memory.
//!
//! When the disk is slow, everything moves to the pool: after an operation that took
//! more than 20 ms, for a second. When it hangs, requests for this store wait, and
//! all others continue: the operations in progress hold at most 48 threads of the
//! pool, and the operations of all stores leave at least one worker of the runtime
//! free. A thread of the store wakes that worker if the others hang.
//! [`Offload::Always`] keeps all operations away from the workers.
//!
//! # Concatenation
//!
//! An upload that is made of others has a data file of its own and no longer needs
//! theirs. If the file system can share blocks between files, as XFS and btrfs can,
//! it takes no space while the parts stay.
//!
//! # Lists
//!
//! [Listing](Lister) reads the directory, since no file system returns names in an
//! order. Of a directory with more than about 100,000 uploads, the names after the last
//! page that come first are kept, in at most 8 MiB, so it is read once for so many
//! uploads. Two lists are made at once, and others wait. A list changes and syncs
//! nothing. Links are not followed, and directories that may not be read are left out.
//!
//! # What crashes leave
//!
//! The store finds what crashes have left, and [removes](Cleaner) it on request:
//!
//! | kind | what |
//! |---|---|
//! | [half-made](LeftoverKind::HalfMade) | an `<id>.new` without a whole `<id>.info`, with its bytes; an `<id>.info` that was cut short before the last boot, or that has a random id and no bytes |
//! | [draft](LeftoverKind::Draft) | a `.<random>.new` or `.<random>.lock`; an `<id>.new` beside a whole `<id>.info` |
//! | [chunk](LeftoverKind::Chunk) | an `<id>.chunk` alone |
//! | [lock](LeftoverKind::Lock) | an `<id>.lock` whose holder is dead, and an `<id>.stop` for which nobody waits |
//! | [empty](LeftoverKind::Empty) | an empty file with a random id alone |
//! | [moved](LeftoverKind::Moved) | an `<id>.info` whose bytes are gone from its own directory, or from another one on a disk that is certainly mounted |
//! | [orphan](LeftoverKind::Orphan) | any other file alone whose name can be an id, unless it has the bytes of an upload with another name |
//! | [unreadable](LeftoverKind::Unreadable) | any other `<id>.info` that cannot be read, with its bytes |
//!
//! A file that a process holds is none of these, nor is one that may just be written:
//! a file without a lock that would tell is at least a minute old. A disk counts as
//! mounted if bytes of an upload were found in the same directory since the store was
//! made, or if the directory is inside that of the store and not empty. What is removed
//! is not synced: after a power cut it may be there again, and be found again.
//!
//! [`FileStore::check`] looks for uploads whose files disagree.
//!
//! # Example
//!
//! ```
//! use tower_tus::store::file::{Durability, FileStore};
//! use tower_tus_layers::protocol::{Body, Chunk, Length, Metadata, NewUpload};
//! use tower_tus_layers::store::{AppendOptions, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let store = FileStore::new(dir).durability(Durability::Offset);
//!
//! let metadata = Metadata::from_pairs([("filename", "hello.txt")])?;
//! let mut upload = store.create(NewUpload::new(Some(Length::from(5)), metadata)).await?;
//! let mut body = Body::from("hello");
//! let appended = upload.append(Chunk::new(&mut body), AppendOptions::default()).await;
//! assert_eq!(appended.offset, 5);
//! upload.finish().await?;
//!
//! let path = dir.join(upload.info().id.as_str());
//! assert_eq!(std::fs::read(path)?, b"hello");
//! # Ok(())
//! # }
//! ```

mod ahead;
mod append;
mod batch;
mod buffers;
mod check;
mod claim;
mod clean;
mod concatenate;
mod content;
mod counted;
mod create;
mod durability;
mod failed;
mod free;
mod fresh;
#[cfg(feature = "_fuzzing")]
pub(crate) mod fuzzing;
mod handle;
mod info;
mod layout;
mod leftover;
mod list;
mod look;
mod mark;
mod place;
mod publish;
mod refusals;
mod state;
mod sync;
mod synced;
mod terminate;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tower_tus_layers::protocol::{Error, Interrupt, NewUpload, Upload, UploadId};
use tower_tus_layers::store::{
    Cleaner, Concatenator, Content, Handle, Lister, Reader, Store, Terminator,
};

#[cfg(doc)]
use tower_tus_layers::store::{LeftoverKind, WriteMode};

use self::ahead::Ahead;
use self::buffers::Buffers;
use self::clean::Elsewhere;
use self::content::FileContent;
use self::failed::Failed;
use self::free::FreeSpace;
use self::handle::FileHandle;
use self::refusals::Refusals;
use self::state::State;
use self::sync::Step;
use self::synced::Synced;
use crate::fs::error::of_upload;
use crate::fs::home::Home;
use crate::fs::offload::Steps;
use crate::fs::{error, sys};

pub use self::durability::{Durability, InvalidDurability};
pub use super::checked::{Checked, Finding, Problem};
pub use crate::fs::offload::Offload;

/// The number of bytes after which a chunk is synced, if it has to be, so that a
/// failure costs little of it.
const STRIDE: u64 = 32 << 20;

/// The maximum number of batches of about 256 KiB in memory or on their way to the
/// disk.
const BATCHES: usize = 128;

/// How long a file may be without what belongs to it, since its creation holds no lock
/// that tells. In tusd, none does.
const GRACE: Duration = Duration::from_secs(60);

/// A store that keeps uploads as files in a directory.
///
/// A clone is the same store. It has to run within a tokio runtime.
///
/// See the [module docs](self) for an example.
#[derive(Clone, Debug)]
pub struct FileStore {
    home: Arc<Home>,
    steps: Arc<Steps>,
    durability: Durability,
    file_mode: u32,
    dir_mode: u32,
    /// Bounds the memory of all requests together.
    batches: Arc<Semaphore>,
    buffers: Buffers,
    refusals: Refusals,
    stride: u64,
    synced: Synced,
    failed: Failed,
    free: FreeSpace,
    ahead: Ahead,
    elsewhere: Elsewhere,
    grace: Duration,
}

impl FileStore {
    /// Makes a store in the directory `dir`, which is created with the first upload.
    ///
    /// A relative path is resolved now, against the current directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            home: Arc::new(Home::new(dir.into())),
            steps: Arc::new(Steps::new(Offload::default())),
            durability: Durability::default(),
            file_mode: sys::FILE_MODE,
            dir_mode: sys::DIR_MODE,
            batches: Arc::new(Semaphore::new(BATCHES)),
            buffers: Buffers::default(),
            refusals: Refusals::default(),
            stride: STRIDE,
            synced: Synced::default(),
            failed: Failed::default(),
            free: FreeSpace::default(),
            ahead: Ahead::default(),
            elsewhere: Elsewhere::default(),
            grace: GRACE,
        }
    }

    /// Creates the directory if it is missing, checks that files can be written there,
    /// and remembers which directory it is.
    ///
    /// From then on, and without this call from the first creation on, the directory
    /// is known by its device and inode. While it is gone or another one has its name,
    /// as when a disk is no longer mounted, nothing is created in its place, and every
    /// operation fails with [`Error::StorageUnavailable`].
    ///
    /// It blocks.
    ///
    /// # Errors
    ///
    /// The reason why the directory cannot be created or written to, with its path.
    pub fn prepare(&self) -> io::Result<()> {
        create::prepare(self)
    }

    pub(crate) const fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(crate) const fn steps(&self) -> &Arc<Steps> {
        &self.steps
    }

    pub(crate) const fn mode_of_files(&self) -> u32 {
        self.file_mode
    }

    /// The directory of the uploads.
    fn dir(&self) -> &Path {
        self.home.dir()
    }

    /// Runs a [short step](crate::fs::offload) in the directory that is known.
    async fn short<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.steps.short(self.at_home(step)).await
    }

    /// Runs a [long step](crate::fs::offload) in the directory that is known.
    async fn long<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.steps.long(self.at_home(step)).await
    }

    /// Runs a step of a [walk] in the directory that is known.
    async fn listing<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.steps.listing(self.at_home(step)).await
    }

    fn at_home<T, F>(&self, step: F) -> impl FnOnce() -> Result<T, Error> + Send + use<T, F>
    where
        F: FnOnce(&Self) -> Result<T, Error> + Send,
    {
        let store = self.clone();
        move || store.home.step(|| step(&store))
    }

    /// Whether somebody may just be making a file that he does not hold meanwhile.
    fn is_young(&self, modified: SystemTime) -> bool {
        modified.elapsed().unwrap_or_default() < self.grace
    }

    /// Forgets an upload that is gone, so that another one may use its id.
    fn forget(&self, id: &UploadId) {
        self.synced.forget(id);
        self.failed.forget(id);
    }

    /// Sets what survives a power cut. The default is [`Durability::Finish`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Refuses creations with [`Error::InsufficientStorage`] when less than this many
    /// bytes would be free on the disk of the directory, also after the upload's length if
    /// that is known. 0, the default, accepts them until the disk is full.
    ///
    /// It reserves nothing: what is created while the disk has space may fill it later.
    #[must_use]
    pub fn min_free_space(mut self, bytes: u64) -> Self {
        self.free = FreeSpace::at_least(bytes);
        self
    }

    /// Sets when file operations move to tokio's blocking pool. The default is
    /// [`Offload::WhenSlow`].
    #[must_use]
    pub fn offload(mut self, offload: Offload) -> Self {
        self.steps = Arc::new(Steps::new(offload));
        self
    }

    /// Sets the mode of new files, less the umask: 0664 by default.
    #[must_use]
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = mode;
        self
    }

    /// Sets the mode of new directories, less the umask: 0775 by default.
    #[must_use]
    pub fn dir_mode(mut self, mode: u32) -> Self {
        self.dir_mode = mode;
        self
    }
}

#[async_trait]
impl Store for FileStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let create = move |store: &Self| create::create(store, new);
        let handle = match self.durability.syncs(Step::Created) {
            true => self.long(create).await?,
            false => self.short(create).await?,
        };
        Ok(Box::new(handle))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let (found, id) = (id.clone(), id.clone());
        let found = self.short(|store| State::glance(store, found)).await?;
        let state = match found {
            Some(state) => state,
            None => self.long(|store| State::open(store, id)).await?,
        };
        Ok(Box::new(FileHandle::opened(state)))
    }

    fn needs_finish(&self) -> bool {
        self.durability.syncs(Step::Finished)
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        Some(self)
    }
}

#[async_trait]
impl Terminator for FileStore {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        let id = id.clone();
        self.long(move |store| {
            terminate::terminate(store, &id).map_err(of_upload)?;
            store.forget(&id);
            Ok(())
        })
        .await
    }

    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        let id = id.clone();
        self.short(move |store| terminate::remains(store, &id).map_err(of_upload))
            .await
    }
}

#[async_trait]
impl Reader for FileStore {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let (found, id) = (id.clone(), id.clone());
        let found = self
            .short(|store| FileContent::glance(store, found))
            .await?;
        let content = match found {
            Some(content) => content,
            None => self.long(|store| FileContent::open(store, id)).await?,
        };
        Ok(Box::new(content))
    }
}

#[async_trait]
impl Concatenator for FileStore {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let interrupt = interrupt.clone();
        let handle = self
            .long(move |store| concatenate::concatenate(store, new, &interrupt))
            .await?;
        Ok(Box::new(handle))
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        let (id, interrupt) = (id.clone(), interrupt.clone());
        self.long(move |store| concatenate::assemble(store, id, &interrupt))
            .await
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        let (part, id) = (part.clone(), id.clone());
        self.long(|store| concatenate::await_part(store, part, id))
            .await
    }
}
