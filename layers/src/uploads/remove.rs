//! Removes uploads.

use super::Uploads;
use super::crew::to_its_end;
use crate::context::{Derived, Rollback};
use crate::lock::until_ended;
use crate::protocol::{Error, Interrupt, Upload, UploadId};

/// How it went to remove an upload that no request should hold.
#[derive(Debug)]
pub(super) enum Removal {
    /// Holds its last state.
    Done(Upload),
    /// A request holds the upload.
    Held,
    /// It is not to be removed after all.
    Kept,
}

impl Uploads {
    /// Removes an upload, and what is left of one whose bytes are missing, in any
    /// state, even if clients may not terminate uploads. Returns its last state.
    ///
    /// Interrupts a request that holds the upload, as a client's DELETE does. Calls
    /// `post-terminate`, counts the termination in metrics, and tells subscribers. Does
    /// not ask gates or `pre-terminate`, which decide what clients may do.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::LockTimeout`] if the holder did not let go in
    /// time; [`Error::NotImplemented`] if the store cannot remove uploads;
    /// [`Error::Shutdown`] while it waits for the lock; and those of the store.
    pub async fn remove(&self, id: &UploadId) -> Result<Upload, Error> {
        let (this, id) = (self.clone(), id.clone());
        to_its_end(&self.shutdown, async move { this.remove_now(&id).await }).await
    }

    async fn remove_now(&self, id: &UploadId) -> Result<Upload, Error> {
        if self.store.terminator().is_none() {
            return Err(Error::NotImplemented);
        }
        let waiting = self.shutdown.interrupt();
        // The removal itself cannot be interrupted: it is short.
        let holder = Interrupt::default();
        let locking = self
            .locker
            .acquire_to_terminate(id, holder, self.lock_timeout);
        let guard = until_ended(&waiting, locking).await?;
        let removed = self.delete(id, Rollback::Always).await;
        guard.release().await;
        removed
    }

    /// Removes an upload like [`remove`](Self::remove), but only if no request holds
    /// it, and if `condition` holds for its state under the lock. Returns its last
    /// state, or `None` if it was left alone.
    ///
    /// Interrupts nobody, and waits for nobody: a store inside the stack may call it
    /// while it serves a request for another upload. Only the removal of a part that
    /// pending finals need waits for the locks of these, which are removed with it.
    ///
    /// ```
    /// use tower_tus_layers::protocol::{Error, Offset, Upload, UploadId};
    /// use tower_tus_layers::uploads::Uploads;
    ///
    /// async fn remove_empty(uploads: &Uploads, id: &UploadId) -> Result<bool, Error> {
    ///     let is_empty = async |upload: Upload| Ok(upload.offset == Offset::ZERO);
    ///     let removed = uploads.remove_if(id, is_empty).await?;
    ///     Ok(removed.is_some())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it does not exist or its bytes are missing;
    /// [`Error::NotImplemented`] if the store cannot remove uploads; those of
    /// `condition`; and those of the store.
    pub async fn remove_if<F, C>(
        &self,
        id: &UploadId,
        condition: F,
    ) -> Result<Option<Upload>, Error>
    where
        F: FnOnce(Upload) -> C + Send + 'static,
        C: Future<Output = Result<bool, Error>> + Send + 'static,
    {
        if self.store.terminator().is_none() {
            return Err(Error::NotImplemented);
        }
        let (this, id) = (self.clone(), id.clone());
        let removal = async move {
            let removal = async {
                let upload = this.store.open(&id).await?.info().clone();
                match condition(upload).await? {
                    true => this.delete(&id, Rollback::Always).await.map(Some),
                    false => Ok(None),
                }
            };
            match this.if_free(&id, removal).await? {
                Removal::Done(upload) => Ok(Some(upload)),
                Removal::Held | Removal::Kept => Ok(None),
            }
        };
        to_its_end(&self.shutdown, removal).await
    }

    /// Runs `removal` under the lock of the upload, if no request holds it.
    pub(super) async fn if_free(
        &self,
        id: &UploadId,
        removal: impl Future<Output = Result<Option<Upload>, Error>>,
    ) -> Result<Removal, Error> {
        let locked = self.locker.try_acquire(id, Interrupt::default()).await?;
        let Some(guard) = locked else {
            return Ok(Removal::Held);
        };
        let removed = removal.await;
        guard.release().await;
        Ok(removed?.map_or(Removal::Kept, Removal::Done))
    }

    /// Removes an upload, which is locked.
    pub(super) async fn delete(&self, id: &UploadId, rollback: Rollback) -> Result<Upload, Error> {
        let delete = Derived::Rollback(id.clone(), rollback);
        let answered = self.call(delete, id, Interrupt::default()).await;
        answered.removed()
    }
}
