//! Removes what crashes have left in a store.
//!
//! A [`Sweeper`] goes through the [leftovers](crate::store::Cleaner) of a store and
//! removes those that nobody can need any more. It runs beside live uploads, of this
//! process and of others:
//!
//! * A leftover is removed under the lock of its upload. If a request holds the lock, the
//!   leftover is kept: a sweep neither interrupts requests nor waits for them.
//! * Under the lock, the store looks again whether it still is a leftover.
//! * One that was changed within the last 24 hours is kept, and so is one that may
//!   belong to somebody (see [`LeftoverKind::is_foreign`]). [`SweepOptions`] changes
//!   both.
//!
//! A sweep can be repeated at any time, and one that is dropped in the middle leaves
//! nothing half done. [`Sweeper::run`] sweeps in the background.
//!
//! # Example
//!
//! ```
//! use tower_tus_layers::lock::MemoryLocker;
//! use tower_tus_layers::store::LeftoverKind;
//! use tower_tus_layers::sweep::{SweepOptions, Sweeper};
//! # use std::sync::Mutex;
//! # use tower_tus_layers::async_trait;
//! # use tower_tus_layers::protocol::{Error, NewUpload, UploadId};
//! # use tower_tus_layers::store::{
//! #     Cleaner, Handle, Leftover, LeftoverPage, LeftoverRequest, MemoryStore, Store,
//! # };
//! #
//! # /// A store with one leftover, which is not young.
//! # #[derive(Debug, Default)]
//! # struct Crashed(MemoryStore, Mutex<bool>);
//! #
//! # #[async_trait]
//! # impl Store for Crashed {
//! #     async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
//! #         self.0.create(new).await
//! #     }
//! #     async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
//! #         self.0.open(id).await
//! #     }
//! #     fn cleaner(&self) -> Option<&dyn Cleaner> {
//! #         Some(self)
//! #     }
//! # }
//! #
//! # #[async_trait]
//! # impl Cleaner for Crashed {
//! #     async fn leftovers(&self, _: &LeftoverRequest) -> Result<LeftoverPage, Error> {
//! #         let mut page = LeftoverPage::default();
//! #         if !*self.1.lock().unwrap() {
//! #             let mut draft = Leftover::new(".draft.new", LeftoverKind::Draft);
//! #             draft.bytes = 300;
//! #             draft.modified = Some(std::time::SystemTime::UNIX_EPOCH);
//! #             page.leftovers.push(draft);
//! #         }
//! #         Ok(page)
//! #     }
//! #     async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
//! #         *self.1.lock().unwrap() = true;
//! #         Ok(Some(leftover.bytes))
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = Crashed::default();
//! // A store in which a crash has left the draft of a file.
//! let sweeper = Sweeper::new(store, MemoryLocker::default());
//!
//! let would = sweeper.sweep(&SweepOptions::default().dry_run()).await?;
//! assert_eq!(would.removed[&LeftoverKind::Draft].bytes, 300);
//!
//! let report = sweeper.sweep(&SweepOptions::default()).await?;
//! assert_eq!(report.total().count, 1);
//! assert_eq!(sweeper.sweep(&SweepOptions::default()).await?.total().count, 0);
//! # Ok(())
//! # }
//! ```

mod options;
mod report;
mod run;
mod sweeper;
#[cfg(test)]
mod tests;

#[cfg(doc)]
use crate::store::LeftoverKind;

pub use self::options::{Foreign, Mode, SweepOptions};
pub use self::report::{Fate, Reason, SweepReport, Tally};
pub use self::sweeper::Sweeper;
