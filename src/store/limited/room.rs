//! Reserves bytes, and makes room for them if a policy says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tower_tus_layers::protocol::Error;

use super::ledger::{Change, Ledger};

/// Makes room. Returns whether there is enough at its end.
pub(super) type MakingRoom = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Ledger {
    /// Reserves `wanted` more bytes, or ends the change.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        mut change: Change,
        wanted: u64,
    ) -> Result<Change, Error> {
        loop {
            let Err(full) = change.try_grow(wanted) else {
                return Ok(change);
            };
            // Another request may take the room that is made. Then more is made.
            let is_over =
                full.is_for_ever || !self.evict(change.id(), change.claim(), wanted).await;
            if is_over {
                change.forget();
                return Err(full.into());
            }
        }
    }

    /// Returns what makes room for `wanted` more bytes, if a policy says so.
    pub(super) fn make_room(self: &Arc<Self>, change: &Change, wanted: u64) -> Option<MakingRoom> {
        self.eviction()?;
        let (id, claim) = (change.id().clone(), change.claim().clone());
        let ledger = Arc::clone(self);
        Some(Box::pin(
            async move { ledger.evict(&id, &claim, wanted).await },
        ))
    }
}
