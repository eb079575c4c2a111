//! Removes uploads to make room for others.

use std::collections::BinaryHeap;
use std::sync::{Arc, Once, Weak};
use std::time::SystemTime;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::{ListRequest, Store};
use tower_tus_layers::uploads::Uploads;

use super::Owner;
use super::charge::{Claim, charge};
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
#[derive(Debug)]
pub(super) struct Eviction {
    evict: Evict,
    /// Others own the handle, which owns the store.
    uploads: Weak<Uploads>,
    found: Mutex<Found>,
    warning: Once,
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
    pub(super) fn new(evict: Evict, uploads: &Arc<Uploads>) -> Self {
        Self {
            evict,
            uploads: Arc::downgrade(uploads),
            found: Mutex::default(),
            warning: Once::new(),
        }
    }

    fn uploads(&self) -> Option<Arc<Uploads>> {
        let uploads = self.uploads.upgrade();
        if uploads.is_none() {
            self.warning.call_once(|| {
                tracing::warn!("no uploads are evicted: the handle on them was dropped");
            });
        }
        uploads
    }
}

/// The turn of a request to remove uploads.
struct Turn<'a> {
    ledger: &'a Arc<Ledger>,
    uploads: Arc<Uploads>,
    evict: Evict,
    found: MutexGuard<'a, Found>,
    /// The upload that needs the room, and is not removed itself.
    id: &'a UploadId,
}

impl Turn<'_> {
    /// Removes one upload of `owner`, or of anybody. Returns whether one was removed.
    async fn evict_one(&mut self, owner: Option<&Owner>) -> bool {
        if self.found.owner.as_ref() != owner {
            *self.found = Found {
                owner: owner.cloned(),
                ..Found::default()
            };
        }
        if self.evict_found().await {
            return true;
        }
        let rests_until = self.found.rests_until;
        if rests_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let begun = Instant::now();
        match self.ledger.oldest(self.evict, owner).await {
            Ok(candidates) => self.found.candidates = candidates,
            Err(error) => tracing::warn!(%error, "uploads to evict could not be listed"),
        }
        let is_evicted = self.evict_found().await;
        let rest = (!is_evicted).then(|| Instant::now() + rest_after(begun.elapsed()));
        self.found.rests_until = rest;
        is_evicted
    }

    async fn evict_found(&mut self) -> bool {
        while let Some(candidate) = self.found.candidates.pop() {
            if candidate.id == *self.id {
                continue;
            }
            match self.evict_free(&candidate).await {
                Ok(true) => return true,
                Ok(false) | Err(Error::NotFound) => {}
                Err(error) => {
                    tracing::warn!(%error, id = %candidate.id, "an upload could not be evicted");
                }
            }
        }
        false
    }

    /// Removes an upload if its lock is free, and if it is still what was found. What it
    /// was charged is given back by its [termination](Ledger::terminate) in the stack.
    async fn evict_free(&self, candidate: &Candidate) -> Result<bool, Error> {
        let (ledger, evict, expected) = (Arc::clone(self.ledger), self.evict, candidate.clone());
        let is_evictable = async move |upload: Upload| {
            let is_same = Candidate::of(&upload, evict).as_ref() == Some(&expected);
            Ok(is_same && !ledger.is_awaited(&upload).await?)
        };
        let removed = self.uploads.remove_if(&candidate.id, is_evictable).await?;
        if let Some(upload) = &removed {
            tracing::info!(id = %upload.id, bytes = charge(upload), "UploadEvicted");
        }
        Ok(removed.is_some())
    }
}

impl Ledger {
    /// Removes uploads, but not that with this id, until `wanted` more bytes fit beside
    /// its `claim`. Returns whether they do.
    pub(super) async fn evict(self: &Arc<Self>, id: &UploadId, claim: &Claim, wanted: u64) -> bool {
        let Some(eviction) = self.eviction() else {
            return false;
        };
        let Some(uploads) = eviction.uploads() else {
            return false;
        };
        let mut turn = Turn {
            ledger: self,
            uploads,
            evict: eviction.evict,
            found: eviction.found.lock().await,
            id,
        };
        // The turn before may have made enough room for this one, too.
        while let Some(full) = self.full(claim, wanted) {
            if full.is_for_ever || !turn.evict_one(full.owner.as_ref()).await {
                return false;
            }
        }
        true
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
