//! Where uploads live: the [`Store`] trait, a store in memory, and the
//! conformance suite that every store has to pass.
//!
//! A store keeps bytes and what is known of an upload. It does not compare offsets
//! with headers, lengths with limits, or check permissions: the core and the layers
//! do. A store promises that no acknowledged byte is lost.
//!
//! # Writing a store
//!
//! Implement [`Store`] and [`Handle`] with [`async_trait`](crate::async_trait), and
//! run `conformance::run` (feature `conformance`) against the result. This store
//! keeps only how many bytes there are:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//! use tower_tus_layers::async_trait;
//! use tower_tus_layers::protocol::{
//!     Body, Chunk, Error, FinishState, Length, Metadata, NewUpload, Upload, UploadId,
//! };
//! use tower_tus_layers::store::{AppendOptions, Appended, Handle, Store};
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
//!     async fn count(&mut self, mut chunk: Chunk<'_>, options: AppendOptions) -> Result<(), Error> {
//!         let mut offset = self.1.offset;
//!         while let Some(data) = chunk.next_data().await {
//!             let bytes = data?.len() as u64;
//!             offset = offset.checked_add(bytes).ok_or(Error::SizeExceeded)?;
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
//! Everything that takes a store takes an `Arc<dyn Store>` or a `Box<dyn Store>` as
//! well, since these are stores too.

mod append;
mod capability;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;
mod pointer;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::protocol::{Chunk, Error, FinishState, Length, NewUpload, Upload, UploadId};

pub use self::append::{AppendOptions, Appended, WriteMode};
pub use self::capability::{Concatenator, Content, Reader, Terminator};
pub use self::memory::MemoryStore;

/// A place where uploads live.
///
/// No future of a store is cancel safe: a future that is dropped may leave a write
/// running behind it. The Detach layer makes sure that none is dropped.
///
/// See the [module docs](self) for an example.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store for uploads",
    label = "needs `Store`",
    note = "pass a `MemoryStore`, a `FileStore`, an `Arc<dyn Store>`, or your own type with `#[async_trait] impl Store for ..`"
)]
pub trait Store: Debug + Send + Sync + 'static {
    /// Creates an upload without bytes, or leaves nothing behind.
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

    /// Whether [`Handle::finish`] has to succeed before an upload is finished. If
    /// so, the core records the finish state and retries until it succeeds. The
    /// default is no.
    fn needs_finish(&self) -> bool {
        false
    }

    /// Whether an upload may be created without a length. The default is no. DEF-01
    fn defers_length(&self) -> bool {
        false
    }

    /// Returns the capability to terminate uploads, if the store has it. TERM-01
    fn terminator(&self) -> Option<&dyn Terminator> {
        None
    }

    /// Returns the capability to concatenate uploads, if the store has it. CAT-01
    fn concatenator(&self) -> Option<&dyn Concatenator> {
        None
    }

    /// Returns the capability to read uploads, if the store has it.
    fn reader(&self) -> Option<&dyn Reader> {
        None
    }
}

/// An upload that was found.
///
/// One request at a time changes an upload: the Lock layer holds its lock around
/// every call here but [`info`](Self::info).
#[async_trait]
pub trait Handle: Debug + Send {
    /// Returns the upload as it was when it was opened, with the changes that this
    /// handle has made.
    ///
    /// While another handle appends under [`WriteMode::Atomic`], the offset is where
    /// that chunk began.
    fn info(&self) -> &Upload;

    /// Reads `chunk` to its end or its error, and stores its bytes from
    /// `info().offset` on.
    ///
    /// An offset that was ever returned never moves back, not even when the server
    /// is killed in the middle.
    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended;

    /// Sets the length that was deferred. DEF-03
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] where the store cannot defer a length.
    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let _ = length;
        Err(Error::NotImplemented)
    }

    /// Records the finish state.
    ///
    /// # Errors
    ///
    /// The reason why the record could not be written.
    async fn record(&mut self, finishing: FinishState) -> Result<(), Error>;

    /// Does what the store has to do with a complete upload. It may be called
    /// again, after a failure or a success.
    ///
    /// # Errors
    ///
    /// The reason why it did not succeed; the core retries later.
    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
