use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::crew::Crew;
use super::remove::Removal;
use super::{UploadState, Uploads};
use crate::context::Rollback;
use crate::expiration::Expiration;
use crate::protocol::{Error, Upload, UploadId};
use crate::store::ListRequest;

/// What a pass over the expired uploads has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpireReport {
    /// Uploads that were removed.
    pub expired: u64,
    /// The bytes that they had.
    pub bytes: u64,
    /// Expired uploads that were left alone since a request holds them.
    pub held: u64,
    /// Expired uploads that could not be removed. The reasons are in the log.
    pub failed: u64,
}

/// The report of a pass that is running.
#[derive(Debug, Default)]
struct Tally {
    expired: AtomicU64,
    bytes: AtomicU64,
    held: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    fn count(&self, end: &End) {
        let (counter, bytes) = match end {
            End::Removed { bytes } => (&self.expired, *bytes),
            End::Held => (&self.held, 0),
            End::Failed => (&self.failed, 0),
            End::Kept => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn report(&self) -> ExpireReport {
        ExpireReport {
            expired: self.expired.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            held: self.held.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

/// How it went to remove an expired upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Removed {
        bytes: u64,
    },
    Held,
    /// It is gone, has not expired after all, or another upload needs it.
    Kept,
    Failed,
}

impl Uploads {
    /// Sets which uploads expire, and what remembers those that were removed. A clone
    /// of that of the [`ExpirationLayer`](crate::expiration::ExpirationLayer). Without
    /// it, none do.
    #[must_use]
    pub fn expiration(mut self, expiration: Expiration) -> Self {
        self.expiration = Some(expiration);
        self
    }

    /// Removes the uploads that have expired, each under its lock and after another
    /// look. `post-expire` is called, metrics count them, subscribers are told, and
    /// requests for them get 410.
    ///
    /// An upload that a request holds is left alone, and so is one whose state cannot
    /// be read. Up to 8 uploads are removed at once. Returns early at a shutdown.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store cannot list or remove uploads, and its
    /// errors while it lists. What fails for one upload is logged.
    pub async fn expire(&self) -> Result<ExpireReport, Error> {
        let Some(expiration) = self.expiration.clone() else {
            return Ok(ExpireReport::default());
        };
        if self.store.terminator().is_none() {
            return Err(Error::NotImplemented);
        }
        let ends = self.shutdown.interrupt();
        let (crew, tally) = (Crew::new(&self.shutdown), Arc::new(Tally::default()));
        let mut request = ListRequest::default();
        loop {
            let page = self.list(&request).await?;
            let expired = |it: &Upload| self.state(it) == UploadState::Expired;
            for upload in page.uploads.into_iter().filter(expired) {
                if ends.cause().is_some() {
                    break;
                }
                let (this, expiration, tally) =
                    (self.clone(), expiration.clone(), Arc::clone(&tally));
                crew.start(async move {
                    let end = this.expire_one(&expiration, &upload.id).await;
                    tally.count(&end);
                })
                .await;
            }
            match page.next {
                Some(next) if ends.cause().is_none() => request = request.after(next),
                _ => break,
            }
        }
        crew.ended().await;
        Ok(tally.report())
    }

    pub(super) async fn expire_one(&self, expiration: &Expiration, id: &UploadId) -> End {
        let removal = self.expire_locked(expiration, id);
        match self.if_free(id, removal).await {
            Ok(Removal::Done(upload)) => End::Removed {
                bytes: upload.offset.get(),
            },
            // Its request is about to end, or to revive it.
            Ok(Removal::Held) => End::Held,
            Ok(Removal::Kept) | Err(Error::NotFound) => End::Kept,
            Err(error) => {
                self.complaints
                    .count("removing an expired upload", Some(id), &error);
                End::Failed
            }
        }
    }

    /// Looks at the upload again, and removes it if it still has expired.
    async fn expire_locked(
        &self,
        expiration: &Expiration,
        id: &UploadId,
    ) -> Result<Option<Upload>, Error> {
        let upload = self.store.open(id).await?.info().clone();
        if !expiration.has_expired(&*self.store, &upload).await? {
            return Ok(None);
        }
        // Before it is gone, so that no request gets a 404: not every one waits for the
        // lock, and hooks and subscribers are told before the lock is released.
        expiration.bury(id);
        let removed = self.delete(id, Rollback::Expired).await;
        if removed.is_err() {
            expiration.unbury(id);
        }
        removed.map(Some)
    }
}
