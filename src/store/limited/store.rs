//! The store itself: what is created is charged, and what is opened may grow.

use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Error, NewUpload, Upload, UploadId};
use tower_tus_layers::store::{Cleaner, Concatenator, Handle, Lister, Reader, Store, Terminator};

use super::Limited;
use super::charge::{Claim, charge};
use super::handle::LimitedHandle;
use super::ledger::Change;

impl Limited {
    /// Reserves the bytes of a new upload.
    pub(super) async fn reserve_new(&self, new: &NewUpload, bytes: u64) -> Result<Change, Error> {
        self.ledger.is_counted().await?;
        // Before it is entered, so that requests for the upload that has the id are not
        // hindered.
        self.is_free(new).await?;
        let entered = self.ledger.enter(&new.id);
        let entered = entered.map_err(|_| Error::UploadExists)?;
        // One that has come since is charged already. A count would take our claim for
        // what it is charged.
        self.is_free(new).await?;
        let change = entered.change(Claim {
            owner: self.ledger.claim(&Upload::from(new.clone())).owner,
            bytes: 0,
        });
        self.ledger.reserve(change, bytes).await
    }

    /// Fails if the id of a new upload is in use.
    async fn is_free(&self, new: &NewUpload) -> Result<(), Error> {
        match !new.is_fresh() && self.ledger.store.open(&new.id).await.is_ok() {
            true => Err(Error::UploadExists),
            false => Ok(()),
        }
    }

    /// Ends a creation.
    pub(super) fn created(
        &self,
        change: Change,
        created: Result<Box<dyn Handle>, Error>,
    ) -> Result<Box<dyn Handle>, Error> {
        // A creation that fails leaves nothing behind.
        change.end(created.as_ref().map_or(0, |handle| charge(handle.info())));
        created.map(|handle| self.limited(handle))
    }

    fn limited(&self, handle: Box<dyn Handle>) -> Box<dyn Handle> {
        Box::new(LimitedHandle {
            handle,
            ledger: Arc::clone(&self.ledger),
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Store for Limited {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let bytes = charge(&Upload::from(new.clone()));
        let change = self.reserve_new(&new, bytes).await?;
        self.created(change, self.ledger.store.create(new).await)
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let handle = self.ledger.store.open(id).await?;
        Ok(self.limited(handle))
    }

    fn needs_finish(&self) -> bool {
        self.ledger.store.needs_finish()
    }

    fn defers_length(&self) -> bool {
        self.ledger.store.defers_length()
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.ledger.store.terminator().map(|_| self as _)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        self.ledger.store.concatenator().map(|_| self as _)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.ledger.store.reader()
    }

    fn lister(&self) -> Option<&dyn Lister> {
        self.ledger.store.lister()
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        self.ledger.store.cleaner()
    }
}
