//! What some stores can do beyond the core of tus.

use std::fmt::Debug;
use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use super::Handle;
use crate::protocol::{Error, Interrupt, NewUpload, Upload, UploadId};

#[cfg(doc)]
use super::Store;
#[cfg(doc)]
use crate::protocol::Role;

/// The capability to terminate uploads.
#[async_trait]
pub trait Terminator: Send + Sync {
    /// Frees everything that the upload holds, whatever its state. TERM-02, TERM-05
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such upload.
    async fn terminate(&self, id: &UploadId) -> Result<(), Error>;

    /// Returns what is still known of an upload that cannot be opened because its
    /// bytes are gone, so that gates can decide whether it may be terminated. Its
    /// offset is 0.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when nothing is known, which is the default, for stores
    /// that never lose the one without the other; [`Error::StorageUnavailable`]
    /// when the bytes may come back.
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
pub trait Concatenator: Send + Sync {
    /// Makes a final upload with the bytes of its parts, the uploads in `new.concat`,
    /// which are complete and locked. CAT-05. Its length is the sum of theirs,
    /// whatever `new` says. CAT-04
    ///
    /// The upload is there whole or not at all, also when the server is killed in
    /// the middle. Copying stops soon after `interrupt` has fired, and nothing is
    /// left behind: a store looks at it between steps of at most 16 MiB. Fewer bytes
    /// need no look.
    ///
    /// # Errors
    ///
    /// Those of [`Store::create`]; [`Error::NotFound`] when a part is gone,
    /// [`Error::UploadNotFinished`] when a part is incomplete after all, and the
    /// cause of `interrupt`.
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error>;

    /// Gives a pending final the bytes of its parts, which are all complete, so that
    /// it is no longer pending. Any other upload stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`concatenate`](Self::concatenate), and whatever else keeps it from
    /// succeeding: the upload is still pending, has no bytes, and may be tried again.
    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error>;

    /// Records in the partial `part`, which is locked, that the pending final
    /// `id` waits for it.
    ///
    /// # Errors
    ///
    /// The reason why the record could not be written; [`Error::InvalidConcat`]
    /// where `part` is not a partial.
    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error>;
}

/// The capability to read what is stored.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Opens the stored bytes of an upload, beside a request that writes to it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such upload, or its bytes are gone.
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error>;
}

/// The bytes that an upload had when it was opened. They stay the same when the
/// upload grows or is terminated meanwhile.
#[async_trait]
pub trait Content: Debug + Send + Sync {
    /// Returns the upload as it was then. Its offset is the number of bytes there are.
    fn upload(&self) -> &Upload;

    /// Returns when the bytes were last changed, if the store knows.
    fn modified(&self) -> Option<SystemTime>;

    /// Reads bytes from the beginning of `range` on: at least one of them, and none
    /// beyond its end. `range` is not empty and within the upload's offset.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why they could not be read.
    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error>;
}
