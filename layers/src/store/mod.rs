//! Where uploads live: the [`Store`] trait, a store in memory, and the
//! [`conformance`] suite that every store has to pass.
//!
//! A store keeps bytes and what is known of them. It does not check offsets
//! against headers, lengths against limits or who may do what: the core and the
//! layers do. What it promises is that no byte that was answered for is lost.

pub mod conformance;
mod memory;

use std::fmt::Debug;
use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::protocol::{Chunk, Error, FinishState, Interrupt, NewUpload, Upload, UploadId};

#[cfg(doc)]
use crate::protocol::Role;

pub use self::memory::MemoryStore;

/// A place where uploads live.
///
/// No future of a store is cancel safe: one that is dropped may leave a write
/// running behind it. The Detach layer sees to it that none is dropped.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Makes a new upload with no bytes, or leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`Error::UploadExists`] when the id, or a prefix of its segments, is taken;
    /// [`Error::InsufficientStorage`] when there is no room; [`Error::Busy`], here
    /// and elsewhere, when a later attempt may succeed.
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error>;

    /// Finds an upload. This changes nothing: readers open beside a writer.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such upload, or its bytes are gone.
    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error>;

    /// Whether [`Handle::finish`] has to succeed before an upload is finished,
    /// so that it is recorded and tried again until it does.
    fn needs_finish(&self) -> bool {
        false
    }

    /// Whether an upload may be created without a length. DEF-01
    fn defers_length(&self) -> bool {
        false
    }

    /// The way to end an upload, when the store has one. TERM-01
    fn terminate(&self) -> Option<&dyn Terminate> {
        None
    }

    /// The way to make an upload of others, when the store has one. CAT-01
    fn concatenate(&self) -> Option<&dyn Concatenate> {
        None
    }

    /// The way to read what is stored, when the store has one.
    fn read(&self) -> Option<&dyn Read> {
        None
    }
}

/// An upload that was found.
///
/// One request at a time changes an upload: the Lock layer's guard is held
/// around every call here but [`info`](Self::info).
#[async_trait]
pub trait Handle: Debug + Send {
    /// The upload as it was when it was opened, and as this handle has changed it.
    ///
    /// While another handle appends under [`WriteMode::Atomic`], this shows where
    /// that chunk began.
    fn info(&self) -> &Upload;

    /// Reads `chunk` to its end or its error, and stores its bytes from
    /// `info().offset` on.
    ///
    /// An offset that was ever returned never moves back. Not even when the
    /// server is killed in the middle.
    async fn append(&mut self, chunk: Chunk<'_>, keep: WriteMode) -> Appended;

    /// Fixes the length that was deferred. DEF-03
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] where the store cannot defer a length.
    async fn declare_length(&mut self, length: u64) -> Result<(), Error> {
        let _ = length;
        Err(Error::NotImplemented)
    }

    /// Records how far finishing has come.
    ///
    /// # Errors
    ///
    /// Whatever keeps the record from being written.
    async fn record(&mut self, finishing: FinishState) -> Result<(), Error>;

    /// Does what the store has to do with a complete upload. It may be called
    /// again, after a failure or a success.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from succeeding; it is tried again later.
    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The capability to end uploads.
#[async_trait]
pub trait Terminate: Send + Sync {
    /// Frees all that the upload holds, whatever its state. TERM-02, TERM-05
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such upload.
    async fn terminate(&self, id: &UploadId) -> Result<(), Error>;

    /// What is still known of an upload that cannot be opened because its bytes
    /// are gone, so that whoever may end it can. Its offset is 0.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when nothing is known, which is what a store says that
    /// never loses the one without the other; [`Error::StorageUnavailable`] when
    /// the bytes may come back.
    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        let _ = id;
        Err(Error::NotFound)
    }
}

/// The capability to make an upload of others.
///
/// [`Store::create`] makes partials, and finals that are still
/// [pending](Role::Final), which have no bytes until they are assembled.
#[async_trait]
pub trait Concatenate: Send + Sync {
    /// Makes a final upload with the bytes of its parts, which are complete and
    /// locked: they are those that `new.concat` names. CAT-05. Its length is
    /// theirs together, whatever `new` says. CAT-04
    ///
    /// It is there whole or not at all, also when the server is killed in the middle.
    /// Copying stops soon after `interrupt` has fired, and nothing is left behind: a
    /// store looks at it between steps of at most 16 MiB. Fewer bytes need no look.
    ///
    /// # Errors
    ///
    /// Those of [`Store::create`]; [`Error::NotFound`] when a part is gone,
    /// [`Error::UploadNotFinished`] when one is incomplete after all, and the
    /// cause of `interrupt`.
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error>;

    /// Gives a pending final the bytes of its parts, which are all complete,
    /// and so ends its pending. Of any other upload nothing is changed.
    ///
    /// # Errors
    ///
    /// As [`concatenate`](Self::concatenate), and whatever else keeps it from
    /// succeeding: it is pending still, has no bytes, and may be tried again.
    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error>;

    /// Records in the partial `part`, which is locked, that the pending final
    /// `id` waits for it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the record from being written; [`Error::InvalidConcat`]
    /// where `part` is no partial.
    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error>;
}

/// The capability to read what is stored.
#[async_trait]
pub trait Read: Send + Sync {
    /// Opens what is stored of an upload, beside whoever writes to it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such upload, or its bytes are gone.
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error>;
}

/// What was stored of an upload when it was opened: it stays what it is, also
/// when the upload grows or is ended meanwhile.
#[async_trait]
pub trait Content: Debug + Send + Sync {
    /// The upload then. Its offset is the number of bytes there are.
    fn info(&self) -> &Upload;

    /// When the bytes were last changed, where the store knows.
    fn modified(&self) -> Option<SystemTime>;

    /// Bytes from the beginning of `range` on: at least one of them, and none
    /// beyond its end. `range` is not empty and within the upload's offset.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being read.
    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error>;
}

/// What becomes of a chunk's bytes when its body errs.
///
/// Stands in the request's [`Context`](crate::context::Context).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// All that came is stored. CORE-31
    #[default]
    Streaming,
    /// Nothing is stored unless the body ends without an error, also when the
    /// server is killed in the middle.
    Atomic,
}

/// What [`Handle::append`] stored.
#[derive(Debug)]
#[must_use]
pub struct Appended {
    /// Where the upload stands now, in bytes.
    pub offset: u64,
    /// What ended the chunk before its end: an error of the body or of the store.
    pub error: Option<Error>,
}
