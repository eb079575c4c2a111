use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use tokio::time::Instant;

use super::ending::with_request;
use super::partials::Partials;
use crate::context::Context;
use crate::lock::{Guard, Locker, acquire};
use crate::protocol::{Concat, Error, Interrupt, Length, Strictness, UploadId};
use crate::store::{Concatenator, Store};

/// What the layer works with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) store: Arc<dyn Store>,
    pub(super) locker: Arc<dyn Locker>,
    pub(super) lock_timeout: Duration,
    /// How many parts a final may name.
    pub(super) max_parts: usize,
    /// Whether finals of unfinished parts are taken.
    pub(super) unfinished: bool,
    /// Whether parts have to be partials.
    pub(super) strictness: Strictness,
}

/// How far a pending final has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// It has its bytes.
    Assembled,
    /// Some of its parts are unfinished. Its length, where they tell.
    Pending(Option<Length>),
}

impl Settings {
    pub(super) fn concatenate(&self) -> Result<&dyn Concatenator, Error> {
        let concatenate = self.store.concatenator();
        concatenate.ok_or(Error::ConcatenationUnsupported)
    }

    /// The length of a new final, when it may be made of these.
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
        // CUF-01, AMB-13. What is no partial cannot be waited for.
        let may_wait = self.unfinished && are_partials;
        if !may_wait && partials.unfinished().next().is_some() {
            return Err(Error::UploadNotFinished);
        }
        partials.length(request)
    }

    /// Waits for an upload that the request is not about.
    pub(super) async fn lock(
        &self,
        request: &Parts,
        id: &UploadId,
    ) -> Result<Box<dyn Guard>, Error> {
        // What is done under such a lock is done as a whole, whoever waits.
        let holder = Interrupt::default();
        self.lock_within(request, id, holder, self.lock_timeout)
            .await
    }

    /// As [`lock`](Self::lock), where the request goes on without: who asks for
    /// the upload later does what now cannot be done.
    pub(super) async fn try_lock(&self, request: &Parts, id: &UploadId) -> Option<Box<dyn Guard>> {
        let failed = |error: &Error| tracing::warn!(%error, %id, "a final could not be locked");
        self.lock(request, id).await.inspect_err(failed).ok()
    }

    async fn lock_within(
        &self,
        request: &Parts,
        id: &UploadId,
        holder: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        let interrupt = Context::of(&request.extensions).interrupt();
        acquire(&*self.locker, id, &interrupt, holder, timeout).await
    }

    /// Waits for all parts of a final: in the order of their ids, so that two
    /// who want the same ones do not wait for each other, and each once. `holder`
    /// fires when somebody waits for one of them.
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

    /// What a final is pending for, unless it is not.
    pub(super) async fn pending(&self, id: &UploadId) -> Result<Option<Concat>, Error> {
        let handle = self.store.open(id).await?;
        let concat = handle.info().concat.clone();
        Ok(concat.filter(Concat::is_pending))
    }

    /// Gives a final, which is locked, its bytes, if its parts are finished.
    ///
    /// [`Error::NotFound`] tells that one of them is gone, or the final itself.
    pub(super) async fn assemble(&self, request: &Parts, id: &UploadId) -> Result<Progress, Error> {
        let Some(concat) = self.pending(id).await? else {
            return Ok(Progress::Assembled);
        };
        let partials = Partials::find(&*self.store, concat.parts()).await?;
        let length = partials.length(request)?;
        if partials.unfinished().next().is_some() {
            return Ok(Progress::Pending(length));
        }
        let copying = Interrupt::default();
        let assembly = self.concatenate()?.assemble(id, &copying);
        with_request(request, &copying, assembly).await?;
        Ok(Progress::Assembled)
    }
}

pub(super) async fn release(guards: Vec<Box<dyn Guard>>) {
    for guard in guards {
        guard.release().await;
    }
}
