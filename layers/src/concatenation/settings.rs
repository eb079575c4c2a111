use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::request::Parts;
use tokio::time::Instant;

use super::ending::with_request;
use super::partials::Partials;
use crate::context::Context;
use crate::lock::{Guard, Locker, until_ended};
use crate::protocol::{Concat, Error, Interrupt, Length, Strictness, UploadId};
use crate::store::{Concatenator, Store};

/// The configuration of the layer.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) store: Arc<dyn Store>,
    pub(super) locker: Arc<dyn Locker>,
    pub(super) lock_timeout: Duration,
    /// Maximum number of parts of a final.
    pub(super) max_parts: usize,
    /// Whether finals of unfinished parts are accepted.
    pub(super) unfinished: bool,
    /// Whether parts must be partials.
    pub(super) strictness: Strictness,
}

/// The state of a pending final.
#[derive(Debug)]
pub(super) enum Progress {
    /// The final has its bytes.
    Assembled,
    /// All parts are finished.
    Due,
    /// Some parts are unfinished. Holds the length of the final, if known.
    Pending(Option<Length>),
}

impl Settings {
    pub(super) fn concatenate(&self) -> Result<&dyn Concatenator, Error> {
        let concatenate = self.store.concatenator();
        concatenate.ok_or(Error::ConcatenationUnsupported)
    }

    /// Checks that a final may be made of these parts, and returns its length.
    pub(super) fn accept(
        &self,
        request: &Parts,
        partials: &Partials<'_>,
    ) -> Result<Option<Length>, Error> {
        let are_partials = partials.are_partials();
        // CAT-18
        if !are_partials
            && !self
                .strictness
                .forgives("a final of uploads that are not partial")
        {
            return Err(Error::InvalidConcat);
        }
        // CUF-01, AMB-13. Only partials can be waited for.
        let may_wait = self.unfinished && are_partials;
        if !may_wait && partials.unfinished().next().is_some() {
            return Err(Error::UploadNotFinished);
        }
        partials.length(request)
    }

    /// Locks an upload other than the request's own.
    pub(super) async fn lock(
        &self,
        request: &Parts,
        id: &UploadId,
    ) -> Result<Box<dyn Guard>, Error> {
        // Work under such a lock is never interrupted, even if another request waits.
        let holder = Interrupt::default();
        self.lock_within(request, id, holder, self.lock_timeout)
            .await
    }

    /// Like [`lock`](Self::lock), in order to terminate the upload.
    pub(super) async fn lock_to_terminate(
        &self,
        request: &Parts,
        id: &UploadId,
    ) -> Result<Box<dyn Guard>, Error> {
        let interrupt = Context::of(&request.extensions).interrupt();
        let (holder, timeout) = (Interrupt::default(), self.lock_timeout);
        let locking = self.locker.acquire_to_terminate(id, holder, timeout);
        until_ended(&interrupt, locking).await
    }

    /// Locks the upload that a HEAD or GET has looked at so far. Returns no guard if
    /// the layer Lock keeps it.
    pub(super) async fn lock_to_change(
        &self,
        request: &Parts,
        id: &UploadId,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        if request.method == Method::GET {
            return self.lock(request, id).await.map(Some);
        }
        let context = Context::of(&request.extensions);
        context.lock_to_change(id).await.map(|_| None)
    }

    async fn lock_within(
        &self,
        request: &Parts,
        id: &UploadId,
        holder: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let interrupt = Context::of(&request.extensions).interrupt();
        until_ended(&interrupt, self.locker.acquire(id, holder, timeout)).await
    }

    /// Locks all parts of a final, each once and in the order of their ids, so that
    /// two requests for the same parts do not deadlock. `holder` fires when another
    /// request waits for one of them.
    pub(super) async fn lock_all(
        &self,
        request: &Parts,
        parts: &[UploadId],
        holder: &Interrupt,
    ) -> Result<Vec<Box<dyn Guard>>, Error> {
        let begun = Instant::now();
        let mut guards = Vec::new();
        for id in parts.iter().collect::<BTreeSet<_>>() {
            let left = self.lock_timeout.saturating_sub(begun.elapsed());
            match self.lock_within(request, id, holder.clone(), left).await {
                Ok(guard) => guards.push(guard),
                Err(error) => {
                    release(guards).await;
                    return Err(error);
                }
            }
        }
        Ok(guards)
    }

    /// Returns the parts of a final that is pending, or `None` if it is not.
    pub(super) async fn pending(&self, id: &UploadId) -> Result<Option<Concat>, Error> {
        let handle = self.store.open(id).await?;
        let concat = handle.info().concat.clone();
        Ok(concat.filter(Concat::is_pending))
    }

    /// Whether a pending final needs `part`, which was removed.
    pub(super) async fn needs(&self, id: &UploadId, part: &UploadId) -> bool {
        match self.pending(id).await {
            // Otherwise it is complete, or its id belongs to another upload by now.
            Ok(concat) => concat.is_some_and(|concat| concat.parts().contains(part)),
            Err(Error::NotFound) => false,
            Err(error) => {
                tracing::warn!(%error, %id, "a final could not be terminated with its part");
                false
            }
        }
    }

    /// Looks at a final and its parts.
    ///
    /// Fails with [`Error::NotFound`] if one of the parts is gone, or the final
    /// itself.
    pub(super) async fn progress(&self, request: &Parts, id: &UploadId) -> Result<Progress, Error> {
        let Some(concat) = self.pending(id).await? else {
            return Ok(Progress::Assembled);
        };
        let partials = Partials::find(&*self.store, concat.parts()).await?;
        let length = partials.length(request)?;
        Ok(match partials.unfinished().next() {
            Some(_) => Progress::Pending(length),
            None => Progress::Due,
        })
    }

    /// Assembles a final, which must be locked, if its parts are finished. Never
    /// returns [`Progress::Due`].
    ///
    /// Fails with [`Error::NotFound`] if one of the parts is gone, or the final
    /// itself.
    pub(super) async fn assemble(&self, request: &Parts, id: &UploadId) -> Result<Progress, Error> {
        match self.progress(request, id).await? {
            Progress::Due => {}
            other => return Ok(other),
        }
        let copying = Interrupt::default();
        let assembly = self.concatenate()?.assemble(id, &copying);
        with_request(request, &copying, assembly).await?;
        Ok(Progress::Assembled)
    }
}

/// Returns the lock of a final, or logs why there is none: a later HEAD or GET of
/// the final does the work instead.
pub(super) fn had(lock: Result<Box<dyn Guard>, Error>, id: &UploadId) -> Option<Box<dyn Guard>> {
    let failed = |error: &Error| tracing::warn!(%error, %id, "a final could not be locked");
    lock.inspect_err(failed).ok()
}

pub(super) async fn release(guards: Vec<Box<dyn Guard>>) {
    for guard in guards {
        guard.release().await;
    }
}
