//! Optional capabilities of stores.

use std::fmt::Debug;
use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Uri};

use super::Handle;
use crate::protocol::{Error, Interrupt, NewUpload, Upload, UploadId};

#[cfg(doc)]
use super::Store;
#[cfg(doc)]
use crate::protocol::Role;

/// The capability to terminate uploads.
#[async_trait]
pub trait Terminator: Send + Sync {
    /// Frees everything that the upload holds, whatever its state.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the upload does not exist.
    // TERM-02, TERM-05
    async fn terminate(&self, id: &UploadId) -> Result<(), Error>;

    /// Returns what is still known of an upload that cannot be opened because
    /// its bytes are missing, so that gates can decide whether it may be
    /// terminated. Its offset is 0.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if nothing is known. This is the default, for stores
    /// that never lose the bytes alone. [`Error::StorageUnavailable`] if the
    /// bytes may come back.
    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        let _ = id;
        Err(Error::NotFound)
    }
}

/// The capability to concatenate uploads.
///
/// [`Store::create`] creates partials, and finals that are still
/// [pending](Role::Final), which have no bytes until they are assembled.
#[async_trait]
pub trait Concatenator: Send + Sync {
    /// Creates a final upload with the bytes of its parts, the uploads in
    /// `new.concat`, which are complete and locked. Its length is the sum of
    /// theirs, whatever `new.length` is.
    ///
    /// The upload is created as a whole or not at all, even if the server is
    /// killed in the middle. Copying stops soon after `interrupt` has fired,
    /// and leaves nothing behind: a store checks it at least every 16 MiB.
    /// Smaller copies need no check.
    ///
    /// # Errors
    ///
    /// Those of [`Store::create`]; [`Error::NotFound`] if a part does not
    /// exist, [`Error::UploadNotFinished`] if a part turns out to be
    /// incomplete, and the cause of `interrupt`.
    // CAT-04, CAT-05
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error>;

    /// Gives a pending final the bytes of its parts, which are all complete, so
    /// that it is no longer pending. Does nothing to any other upload.
    ///
    /// # Errors
    ///
    /// Those of [`concatenate`](Self::concatenate), and any other failure. The
    /// upload is still pending then, has no bytes, and can be assembled again.
    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error>;

    /// Records in the partial `part`, which is locked, that the pending final
    /// `id` waits for it.
    ///
    /// # Errors
    ///
    /// The reason why the record could not be written; [`Error::InvalidConcat`]
    /// if `part` is not a partial.
    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error>;
}

/// The capability to read stored bytes.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Opens the stored bytes of an upload, even while a request writes to it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the upload does not exist, or its bytes are
    /// missing.
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error>;
}

/// The bytes of an upload at the time when it was opened. They do not change if
/// the upload grows or is terminated meanwhile.
#[async_trait]
pub trait Content: Debug + Send + Sync {
    /// Returns the upload at that time. Its offset is the number of available
    /// bytes.
    fn upload(&self) -> &Upload;

    /// Returns when the bytes were last changed, if known.
    fn modified(&self) -> Option<SystemTime>;

    /// Reads bytes from the beginning of `range`: at least one, and none beyond
    /// its end. `range` is not empty and within the upload's offset.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why the bytes could not be read.
    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error>;

    /// Returns headers that the server's operator has chosen for the bytes, such as
    /// `Content-Type` and `Content-Disposition`. They come before what the client says
    /// about the upload in its metadata. None by default.
    fn headers(&self) -> HeaderMap {
        HeaderMap::new()
    }

    /// Returns a URL from which the client is to download the bytes itself, if there is
    /// one. Called for finished uploads only. `headers` describe the bytes, such as
    /// `Content-Type`: a response from that URL should have them too.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The reason why no URL could be made.
    async fn redirect(&self, headers: &HeaderMap) -> Result<Option<Uri>, Error> {
        let _ = headers;
        Ok(None)
    }
}
