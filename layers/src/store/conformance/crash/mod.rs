//! A test suite for stores whose storage can be crashed.
//!
//! Implement [`Crashable`] for your store on a storage that can stop at any of
//! its changes, and tell what it may look like after a crash: a file system
//! that knows what was synced, a database behind a proxy, or a simulation. Then
//! call [`run`] in a test.
//!
//! Each case plays some requests, and the storage stops at each change that
//! they make, one after the other. Whatever state the storage is found in then:
//!
//! - what was answered and [promised](Promises) is still true;
//! - the bytes up to each offset are those that were sent, and a chunk is never
//!   torn that was [atomic](crate::store::WriteMode::Atomic), unless it was
//!   there to its end before its first byte was stored;
//! - this is still so after a second crash, which comes right after clients
//!   have asked for their uploads, or while they carry on;
//! - no upload and no id is stuck: every upload can be carried on to its end
//!   and terminated, and its id can be used again. Only an id that is
//!   [fresh](crate::protocol::NewUpload::is_fresh) is never used again;
//! - if the store can [clean up](crate::store::Cleaner), nothing is left after it but
//!   what belongs to uploads, and none of these is touched. This is also so after a crash
//!   at each change that a clean-up makes.
//!
//! # Example
//!
//! The storage of this store is a [`MemoryStore`](crate::store::MemoryStore),
//! each of whose changes happens as a whole or not at all. It keeps everything
//! in a crash:
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use tower_tus_layers::async_trait;
//! use tower_tus_layers::protocol::{Chunk, Error, FinishState, NewUpload, Upload, UploadId};
//! use tower_tus_layers::store::conformance::crash::{self, Crashable, Promises};
//! use tower_tus_layers::store::{
//!     AppendError, AppendOptions, Appended, Handle, MemoryStore, Reader, Store, Terminator,
//! };
//!
//! /// A storage that stops after a number of changes.
//! #[derive(Clone, Debug)]
//! struct Disk {
//!     content: MemoryStore,
//!     changes_left: Arc<AtomicU64>,
//! }
//!
//! impl Disk {
//!     /// Counts one change, or fails.
//!     fn change(&self) -> Result<(), Error> {
//!         let left = self.changes_left.load(Ordering::Relaxed);
//!         // After the first change that fails, everything fails.
//!         self.changes_left.store(left.saturating_sub(1), Ordering::Relaxed);
//!         left.checked_sub(2).map(drop).ok_or_else(|| Error::internal("the disk has stopped"))
//!     }
//! }
//!
//! #[async_trait]
//! impl Store for Disk {
//!     async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
//!         self.change()?;
//!         let handle = self.content.create(new).await?;
//!         Ok(Box::new(Opened(self.clone(), handle)))
//!     }
//!
//!     async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
//!         let handle = self.content.open(id).await?;
//!         Ok(Box::new(Opened(self.clone(), handle)))
//!     }
//!
//!     fn terminator(&self) -> Option<&dyn Terminator> {
//!         Some(self)
//!     }
//!
//!     fn reader(&self) -> Option<&dyn Reader> {
//!         self.content.reader()
//!     }
//! }
//!
//! #[async_trait]
//! impl Terminator for Disk {
//!     async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
//!         self.change()?;
//!         self.content.terminator().unwrap().terminate(id).await
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Opened(Disk, Box<dyn Handle>);
//!
//! #[async_trait]
//! impl Handle for Opened {
//!     fn info(&self) -> &Upload {
//!         self.1.info()
//!     }
//!
//!     async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
//!         match self.0.change() {
//!             Ok(()) => self.1.append(chunk, options).await,
//!             Err(error) => Appended::new(self.info().offset, Err(AppendError::Store(error))),
//!         }
//!     }
//!
//!     async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
//!         self.0.change()?;
//!         self.1.record(finishing).await
//!     }
//! }
//!
//! struct InMemory;
//!
//! impl Crashable for InMemory {
//!     type Storage = Disk;
//!
//!     fn empty(&self) -> Disk {
//!         let changes_left = Arc::new(AtomicU64::new(u64::MAX));
//!         Disk { content: MemoryStore::default(), changes_left }
//!     }
//!
//!     fn stop_after(&self, disk: &Disk, changes: u64) {
//!         disk.changes_left.store(changes.saturating_add(1), Ordering::Relaxed);
//!     }
//!
//!     fn has_stopped(&self, disk: &Disk) -> bool {
//!         disk.changes_left.load(Ordering::Relaxed) == 0
//!     }
//!
//!     fn open(&self, disk: &Disk) -> Arc<dyn Store> {
//!         Arc::new(disk.clone())
//!     }
//!
//!     fn after_crash(&self, disk: Disk) -> Vec<(String, Disk)> {
//!         let content = disk.content;
//!         vec![("everything".into(), Disk { content, ..self.empty() })]
//!     }
//!
//!     fn promises(&self) -> Promises {
//!         Promises::ALL
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let ran = crash::run(&InMemory).await;
//! assert!(ran.crashes > 50);
//! # }
//! ```

mod carry_on;
mod cases;
mod check;
mod notes;
mod pieces;
mod play;
mod points;
mod sweep;

use std::sync::Arc;

use self::points::everywhere;
use crate::protocol::{Completion, Error, Length, Metadata, NewUpload, ResponseOverride, UploadId};
use crate::store::Store;
use crate::suite::Suite;

/// A store on a storage that can be crashed.
pub trait Crashable {
    /// What survives a crash, such as a disk.
    type Storage;

    /// Makes an empty storage.
    fn empty(&self) -> Self::Storage;

    /// Lets the storage stop after this number of further changes: the next one
    /// and all calls after it fail.
    ///
    /// A change is a step of the store that a crash may leave undone, such as a
    /// write, a rename or a sync. The smaller the steps, the more is tested.
    fn stop_after(&self, storage: &Self::Storage, changes: u64);

    /// Returns whether a change has failed because of
    /// [`stop_after`](Self::stop_after).
    fn has_stopped(&self, storage: &Self::Storage) -> bool;

    /// Opens the store, as a new process would after a crash.
    fn open(&self, storage: &Self::Storage) -> Arc<dyn Store>;

    /// Crashes the storage, which may have stopped or not, and returns every
    /// state in which it may be found, by a name for the report. They do not
    /// stop any more. Where there are too many, return the extremes and a
    /// sample.
    fn after_crash(&self, storage: Self::Storage) -> Vec<(String, Self::Storage)>;

    /// Returns what survives such a crash.
    fn promises(&self) -> Promises;

    /// Returns what is stored that belongs to none of these uploads, by a name for the
    /// report. The suite calls it after a clean-up. Empty by default.
    fn unowned(&self, storage: &Self::Storage, uploads: &[UploadId]) -> Vec<String> {
        let _ = (storage, uploads);
        Vec::new()
    }
}

/// Which answers that a client got before a crash still hold after it.
///
/// The suite checks everything else in any case: found uploads are those that
/// were created, with the bytes that were sent, and no id is stuck.
///
/// ```
/// use tower_tus_layers::store::conformance::crash::Promises;
///
/// let mut after_power_cut = Promises::NONE;
/// after_power_cut.finished = true;
/// after_power_cut.terminated = true;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Promises {
    /// An upload that was created exists.
    pub created: bool,
    /// An upload has at least the offset that was answered, and the length and
    /// the completion that were declared.
    pub offsets: bool,
    /// A finished upload is finished, with all its bytes. Otherwise it may even
    /// have lost bytes without a trace.
    pub finished: bool,
    /// A terminated upload stays away.
    pub terminated: bool,
    /// An [atomic](crate::store::WriteMode::Atomic) chunk that had not ended
    /// leaves no byte. Otherwise bytes remain that were not verified.
    pub chunks: bool,
}

impl Promises {
    /// Everything that was answered survives.
    pub const ALL: Self = Self {
        created: true,
        offsets: true,
        finished: true,
        terminated: true,
        chunks: true,
    };

    /// Nothing needs to survive.
    pub const NONE: Self = Self {
        created: false,
        offsets: false,
        finished: false,
        terminated: false,
        chunks: false,
    };
}

/// How much was tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ran {
    /// The number of crashes in the middle of a case, or after its end.
    pub crashes: u64,
    /// The number of states that were checked after a crash.
    pub states: u64,
    /// The number of crashes in the middle of a clean-up, or after its end.
    pub sweeps: u64,
}

/// Runs all cases that the store has the capabilities for.
///
/// The name of each case is printed before the case runs.
///
/// # Panics
///
/// If the store fails a case. The message lists the failed cases, with the
/// moment of the crash and the state that was found.
pub async fn run<C: Crashable>(subject: &C) -> Ran {
    let mut suite = Suite::new("store::conformance::crash");
    let mut ran = Ran::default();
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $(
                let played = everywhere(subject, &mut ran, cases::$case);
                suite.case(stringify!($case), played).await;
            )*
        };
    }
    cases!(
        an_upload_is_created,
        an_id_has_segments,
        chunks_follow_each_other,
        atomic_chunks_follow_each_other,
        an_atomic_chunk_fails,
        atomic_chunks_come_at_once,
        an_upload_is_finished,
        an_upload_is_finished_and_recorded_in_one_step,
        an_id_is_fresh,
        an_upload_is_filled_by_its_creation,
        an_empty_upload_is_finished,
        two_uploads_grow_side_by_side,
    );
    // A store of its own: the cases replace the storage of one that has been used.
    if keeps_answers(&*subject.open(&subject.empty())).await {
        cases!(an_upload_is_finished_with_an_answer);
    }
    let store = subject.open(&subject.empty());
    if store.defers_length() {
        cases!(a_length_is_declared, a_length_is_declared_at_the_end);
        if can_be_declared_complete(&*store).await {
            cases!(an_upload_is_declared_complete);
        }
    }
    if store.terminator().is_some() {
        cases!(uploads_are_terminated);
    }
    if store.concatenator().is_some() {
        cases!(
            complete_parts_are_concatenated,
            a_pending_final_is_assembled
        );
    }
    suite.finish();
    ran
}

async fn keeps_answers(store: &dyn Store) -> bool {
    let new = NewUpload::new(Some(Length::ZERO), Metadata::EMPTY);
    let created = store.create(new).await;
    let mut handle = created.expect("an upload can be created");
    let answer = ResponseOverride::default().with_body("kept");
    let recorded = handle.record_finished(&answer).await;
    recorded.expect("the record can be written");
    handle.answer().is_some()
}

async fn can_be_declared_complete(store: &dyn Store) -> bool {
    let mut new = NewUpload::new(None, Metadata::EMPTY);
    new.completion = Completion::ByClient { declared: false };
    let created = store.create(new).await;
    let mut handle = created.expect("an upload can be created");
    !matches!(handle.declare_complete().await, Err(Error::NotImplemented))
}

#[cfg(test)]
mod tests;
