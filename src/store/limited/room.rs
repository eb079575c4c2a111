//! Reserves bytes, and makes room for them if a policy says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, UploadId};

use super::charge::Claim;
use super::ledger::{Change, Ledger};

impl Ledger {
    /// Reserves `wanted` more bytes, or ends the change.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        mut change: Change,
        wanted: u64,
    ) -> Result<Change, Error> {
        let mut full = match change.try_grow(wanted) {
            Ok(()) => return Ok(change),
            Err(full) => full,
        };
        if !full.is_for_ever {
            let (id, claim) = (change.id().clone(), change.claim().clone());
            self.free(id, claim, wanted).await;
            match change.try_grow(wanted) {
                Ok(()) => return Ok(change),
                Err(still) => full = still,
            }
        }
        change.forget();
        Err(full.into())
    }

    /// Returns what makes room for `wanted` more bytes, if there is too little and a
    /// policy says so.
    pub(super) fn make_room(
        self: &Arc<Self>,
        change: &Change,
        wanted: u64,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.settings.eviction.as_ref()?;
        let full = self.full(change.claim(), wanted)?;
        if full.is_for_ever {
            return None;
        }
        let (id, claim) = (change.id().clone(), change.claim().clone());
        let ledger = Arc::clone(self);
        Some(Box::pin(async move {
            ledger.free(id, claim, wanted).await;
        }))
    }

    /// Removes uploads until `wanted` more bytes fit beside `claim`, or none is left.
    async fn free(self: &Arc<Self>, id: UploadId, claim: Claim, wanted: u64) {
        while let Some(full) = self.full(&claim, wanted) {
            if full.is_for_ever || !self.evict(full.owner.as_ref(), &id).await {
                return;
            }
        }
    }
}
