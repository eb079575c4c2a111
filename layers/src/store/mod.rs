//! Storage of uploads: the [`Store`] trait, an in-memory store, and the
//! conformance suite for stores.
//!
//! A store keeps the bytes and the state of uploads. It does not compare
//! offsets with headers or lengths with limits, and does not check permissions:
//! the core and the layers do. A store must not lose any acknowledged byte.
//!
//! # Writing a store
//!
//! Implement [`Store`] and [`Handle`] with [`async_trait`](crate::async_trait),
//! and run `conformance::run` (feature `conformance`) against the result. If
//! its storage can be crashed in a test, `conformance::crash::run` shows that
//! no crash breaks a promise. This store keeps only the number of bytes:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//! use tower_tus_layers::async_trait;
//! use tower_tus_layers::protocol::{
//!     Body, Chunk, Error, FinishState, Length, Metadata, NewUpload, Upload, UploadId,
//! };
//! use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle, Store};
//!
//! type Uploads = Arc<Mutex<HashMap<UploadId, Upload>>>;
//!
//! #[derive(Debug, Default)]
//! struct Counting(Uploads);
//!
//! #[derive(Debug)]
//! struct Counted(Uploads, Upload);
//!
//! #[async_trait]
//! impl Store for Counting {
//!     async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
//!         if self.0.lock().unwrap().keys().any(|id| id.conflicts_with(&new.id)) {
//!             return Err(Error::UploadExists);
//!         }
//!         let counted = Counted(Arc::clone(&self.0), Upload::from(new));
//!         counted.save();
//!         Ok(Box::new(counted))
//!     }
//!
//!     async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
//!         let upload = self.0.lock().unwrap().get(id).cloned();
//!         let upload = upload.ok_or(Error::NotFound)?;
//!         Ok(Box::new(Counted(Arc::clone(&self.0), upload)))
//!     }
//! }
//!
//! impl Counted {
//!     fn save(&self) {
//!         let upload = self.1.clone();
//!         self.0.lock().unwrap().insert(upload.id.clone(), upload);
//!     }
//!
//!     async fn count(&mut self, mut chunk: Chunk<'_>, options: AppendOptions) -> Result<(), AppendError> {
//!         let mut offset = self.1.offset;
//!         while let Some(data) = chunk.next_data().await {
//!             let data = data.map_err(AppendError::Body)?;
//!             let end = offset.checked_add(data.len() as u64);
//!             offset = end.ok_or(AppendError::Store(Error::SizeExceeded))?;
//!             if !options.mode.is_atomic() {
//!                 self.1.offset = offset;
//!             }
//!         }
//!         self.1.offset = offset;
//!         Ok(())
//!     }
//! }
//!
//! #[async_trait]
//! impl Handle for Counted {
//!     fn info(&self) -> &Upload {
//!         &self.1
//!     }
//!
//!     async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
//!         let stored = self.count(chunk, options).await;
//!         self.save();
//!         Appended::new(self.1.offset, stored)
//!     }
//!
//!     async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
//!         self.1.finishing = Some(finishing);
//!         self.save();
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let store = Arc::new(Counting::default());
//! # #[cfg(feature = "conformance")]
//! tower_tus_layers::store::conformance::run(|| Arc::clone(&store)).await;
//!
//! let mut upload = store.create(NewUpload::new(Some(Length::from(5)), Metadata::EMPTY)).await?;
//! let mut body = Body::from("hello");
//! let appended = upload.append(Chunk::new(&mut body), AppendOptions::default()).await;
//! assert_eq!(appended.offset, 5);
//! assert!(upload.info().is_complete());
//! # Ok(())
//! # }
//! ```
//!
//! Where a store is expected, an `Arc<dyn Store>` or a `Box<dyn Store>` works
//! as well: both implement the trait.

mod append;
mod capability;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(test)]
pub(crate) mod faulty;
mod leftovers;
mod list;
mod memory;
mod pointer;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::protocol::{
    Chunk, Error, FinishState, Length, NewUpload, ResponseOverride, Upload, UploadId,
};

pub use self::append::{AppendError, AppendOptions, Appended, WriteMode};
pub use self::capability::{Concatenator, Content, Reader, Terminator};
pub use self::leftovers::{Cleaner, Leftover, LeftoverKind, LeftoverPage, LeftoverRequest};
pub use self::list::{ListRequest, Lister, Page};
pub use self::memory::MemoryStore;

/// Stores uploads.
///
/// No future of a store is cancel safe: dropping one may leave a write running.
/// The Detach layer ensures that none is dropped.
///
/// See the [module docs](self) for an example.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store for uploads",
    label = "needs `Store`",
    note = "pass a `MemoryStore`, a `FileStore`, an `Arc<dyn Store>`, or your own type with `#[async_trait] impl Store for ..`"
)]
pub trait Store: Debug + Send + Sync + 'static {
    /// Creates an upload without bytes. If it fails, it leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`Error::UploadExists`] if the id, or a prefix of its segments, is in
    /// use; [`Error::InsufficientStorage`] if the storage is full;
    /// [`Error::Busy`], here and elsewhere, if a later attempt may succeed.
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error>;

    /// Opens an upload. Readers may open it beside a writer, whom this does not
    /// disturb.
    ///
    /// Clients are answered with its offset, so a store that keeps answered
    /// offsets in a power cut makes it durable first.
    ///
    /// A store that has lost bytes of an upload which no client will send again
    /// returns it with the state [`FinishState::Failed`].
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the upload does not exist, or its bytes are
    /// missing.
    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error>;

    /// Returns whether [`Handle::finish`] must succeed before an upload is
    /// finished; `false` by default. If so, the core records the finish state
    /// and retries until it succeeds.
    fn needs_finish(&self) -> bool {
        false
    }

    /// Returns whether an upload may be created without a length; `false` by
    /// default.
    // DEF-01
    fn defers_length(&self) -> bool {
        false
    }

    /// Returns the capability to terminate uploads, if the store has it.
    // TERM-01
    fn terminator(&self) -> Option<&dyn Terminator> {
        None
    }

    /// Returns the capability to concatenate uploads, if the store has it.
    // CAT-01
    fn concatenator(&self) -> Option<&dyn Concatenator> {
        None
    }

    /// Returns the capability to read uploads, if the store has it.
    fn reader(&self) -> Option<&dyn Reader> {
        None
    }

    /// Returns the capability to list uploads, if the store has it.
    fn lister(&self) -> Option<&dyn Lister> {
        None
    }

    /// Returns the capability to find and remove what crashes have left, if the store
    /// has it.
    fn cleaner(&self) -> Option<&dyn Cleaner> {
        None
    }
}

/// An opened upload.
///
/// Only one request at a time changes an upload: the Lock layer holds its lock
/// around every call here except [`info`](Self::info).
#[async_trait]
pub trait Handle: Debug + Send {
    /// Returns the upload as it was opened, with the changes made through this
    /// handle.
    ///
    /// While another handle appends with [`WriteMode::Atomic`], the offset is
    /// the beginning of that chunk.
    fn info(&self) -> &Upload;

    /// Reads `chunk` until its end or an error, and stores its bytes at
    /// `info().offset`.
    ///
    /// An offset that was ever returned never moves back, even if the server is
    /// killed in the middle.
    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended;

    /// Sets the length that was deferred.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store cannot defer a length.
    // DEF-03
    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let _ = length;
        Err(Error::NotImplemented)
    }

    /// Declares that the client has sent every byte: the length becomes the
    /// offset, and the upload is complete.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store does not support it.
    async fn declare_complete(&mut self) -> Result<(), Error> {
        Err(Error::NotImplemented)
    }

    /// Records the finish state.
    ///
    /// # Errors
    ///
    /// The reason why the record could not be written.
    async fn record(&mut self, finishing: FinishState) -> Result<(), Error>;

    /// Records that the upload is finished, together with the answer that the gates
    /// gave: after a crash there is either both or neither. The core calls it if
    /// the gates have changed the response, and at most 64 KiB of it are to be kept.
    ///
    /// By default it records the state alone, and the answer is lost.
    ///
    /// # Errors
    ///
    /// Those of [`record`](Self::record).
    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        let _ = answer;
        self.record(FinishState::Done).await
    }

    /// Returns the answer that was [recorded](Self::record_finished), if the store
    /// keeps it.
    fn answer(&self) -> Option<ResponseOverride> {
        None
    }

    /// Performs the store's work on a complete upload. It may be called again,
    /// after a failure or a success.
    ///
    /// # Errors
    ///
    /// The reason why it did not succeed. The core retries later, unless the
    /// store has recorded [`FinishState::Failed`].
    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Does what [`finish`](Self::finish) does, and records that the upload is
    /// finished, if its finish state is recorded. The core calls it where no
    /// gate decides in between.
    ///
    /// By default it makes both calls. A store whose durable record costs less
    /// together with its other work can do both as one step.
    ///
    /// # Errors
    ///
    /// Those of both.
    async fn finish_and_record(&mut self) -> Result<(), Error> {
        self.finish().await?;
        match self.info().finishing {
            Some(_) => self.record(FinishState::Done).await,
            None => Ok(()),
        }
    }
}
