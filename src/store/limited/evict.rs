//! Removes uploads to make room for others.

use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{Error, Interrupt, Upload, UploadId};
use tower_tus_layers::store::{ListRequest, Store};

use super::Owner;
use super::charge::charge;
use super::keeper::{PAGE, rest_after};
use super::ledger::Ledger;

/// Number of uploads that one look through the store finds.
const FOUND: usize = 256;

/// Which uploads are removed to make room for others.
///
/// The oldest is the one whose [last activity](Upload::last_activity) is the longest
/// ago. Never removed are uploads whose lock is held, and parts that a pending final
/// needs. At a limit of an owner, only that owner's uploads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evict {
    /// The oldest unfinished upload. A complete partial is one, too.
    OldestUnfinished,
    /// The oldest unfinished upload, and if there is none, the oldest complete one.
    OldestFinished,
}

/// How uploads are removed.
#[derive(Clone, Debug)]
pub(super) struct Eviction {
    evict: Evict,
    locker: Arc<dyn Locker>,
    found: Arc<Mutex<Found>>,
}

/// What the last look through the store has found, the oldest last.
#[derive(Debug, Default)]
struct Found {
    /// Whose uploads: `None` for those of all.
    owner: Option<Owner>,
    candidates: Vec<Candidate>,
    /// Nothing was found, so that another look is not worth it before this time.
    rests_until: Option<Instant>,
}

/// Sorted by what is removed first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    is_complete: bool,
    last_activity: SystemTime,
    id: UploadId,
}

impl Candidate {
    /// Returns `None` for an upload that is never removed.
    fn of(upload: &Upload, evict: Evict) -> Option<Self> {
        let is_complete = upload.is_complete() && !upload.is_partial();
        let is_named = !is_complete || evict == Evict::OldestFinished;
        (is_named && charge(upload) > 0).then_some(Self {
            is_complete,
            last_activity: upload.last_activity()?,
            id: upload.id.clone(),
        })
    }
}

impl Eviction {
    pub(super) fn new(evict: Evict, locker: Arc<dyn Locker>) -> Self {
        Self {
            evict,
            locker,
            found: Arc::default(),
        }
    }
}

impl Ledger {
    /// Removes one upload of `owner`, or of anybody, except that with the id `but`.
    /// Returns whether one was removed.
    pub(super) async fn evict(self: &Arc<Self>, owner: Option<&Owner>, but: &UploadId) -> bool {
        let Some(eviction) = &self.settings.eviction else {
            return false;
        };
        let mut found = eviction.found.lock().await;
        if found.owner.as_ref() != owner {
            *found = Found {
                owner: owner.cloned(),
                ..Found::default()
            };
        }
        if self.evict_one(eviction, &mut found, but).await {
            return true;
        }
        if found
            .rests_until
            .is_some_and(|until| Instant::now() < until)
        {
            return false;
        }
        let begun = Instant::now();
        match self.oldest(eviction.evict, owner).await {
            Ok(candidates) => found.candidates = candidates,
            Err(error) => tracing::warn!(%error, "uploads to evict could not be listed"),
        }
        let is_evicted = self.evict_one(eviction, &mut found, but).await;
        let rest = (!is_evicted).then(|| Instant::now() + rest_after(begun.elapsed()));
        found.rests_until = rest;
        is_evicted
    }

    async fn evict_one(
        self: &Arc<Self>,
        eviction: &Eviction,
        found: &mut Found,
        but: &UploadId,
    ) -> bool {
        while let Some(candidate) = found.candidates.pop() {
            if candidate.id == *but {
                continue;
            }
            match self.evict_free(eviction, &candidate).await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, id = %candidate.id, "an upload could not be evicted");
                }
            }
        }
        false
    }

    /// Removes an upload if its lock is free, and if it is still what was found.
    async fn evict_free(
        self: &Arc<Self>,
        eviction: &Eviction,
        candidate: &Candidate,
    ) -> Result<bool, Error> {
        let locked = eviction
            .locker
            .try_acquire(&candidate.id, Interrupt::default());
        let Some(guard) = locked.await? else {
            return Ok(false);
        };
        let evicted = self.evict_locked(eviction, candidate).await;
        guard.release().await;
        match evicted {
            Err(Error::NotFound) => Ok(false),
            evicted => evicted,
        }
    }

    async fn evict_locked(
        self: &Arc<Self>,
        eviction: &Eviction,
        candidate: &Candidate,
    ) -> Result<bool, Error> {
        let upload = self.store.open(&candidate.id).await?.info().clone();
        let is_same = Candidate::of(&upload, eviction.evict).as_ref() == Some(candidate);
        if !is_same || self.is_awaited(&upload).await? {
            return Ok(false);
        }
        self.terminate(&upload.id).await?;
        let bytes = charge(&upload);
        tracing::info!(id = %upload.id, bytes, "UploadEvicted");
        Ok(true)
    }

    /// Whether a pending final needs the upload.
    async fn is_awaited(&self, upload: &Upload) -> Result<bool, Error> {
        let finals = upload.concat.as_ref().map_or(&[][..], |it| it.awaited_by());
        for id in finals {
            match self.store.open(id).await {
                Ok(handle) if handle.info().is_pending() => return Ok(true),
                Ok(_) | Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Finds the oldest uploads, and returns them with the oldest last.
    async fn oldest(&self, evict: Evict, owner: Option<&Owner>) -> Result<Vec<Candidate>, Error> {
        let lister = self.store.lister().ok_or(Error::NotImplemented)?;
        let mut oldest = BinaryHeap::new();
        let mut request = ListRequest::default().limit(PAGE);
        loop {
            let page = lister.list(&request).await?;
            for upload in &page.uploads {
                if owner.is_some() && self.claim(upload).owner.as_ref() != owner {
                    continue;
                }
                oldest.extend(Candidate::of(upload, evict));
                if oldest.len() > FOUND {
                    oldest.pop();
                }
            }
            match page.next {
                Some(next) => request = request.after(next),
                None => break,
            }
        }
        let mut oldest = oldest.into_sorted_vec();
        oldest.reverse();
        Ok(oldest)
    }
}
