//! The store's capabilities, with what they change accounted for.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Concat, Error, Interrupt, NewUpload, Upload, UploadId};
use tower_tus_layers::store::{Concatenator, Handle, Terminator};

use super::Limited;
use super::charge::charge;
use super::ledger::Ledger;

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Terminator for Limited {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.ledger.terminate(id).await
    }

    async fn remains(&self, id: &UploadId) -> Result<Upload, Error> {
        let terminator = self.ledger.store.terminator();
        terminator.ok_or(Error::NotImplemented)?.remains(id).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Concatenator for Limited {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let concatenator = self.concatenator_below()?;
        let parts = new.concat.as_ref().map_or(&[][..], Concat::parts);
        let bytes = self.sum(parts).await?;
        let change = self.reserve_new(&new, bytes).await?;
        self.created(change, concatenator.concatenate(new, interrupt).await)
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        let concatenator = self.concatenator_below()?;
        self.ledger.is_counted().await?;
        let upload = self.ledger.store.open(id).await?.info().clone();
        let Some(concat) = upload.concat.as_ref().filter(|concat| concat.is_pending()) else {
            return concatenator.assemble(id, interrupt).await;
        };
        let bytes = self.sum(concat.parts()).await?;
        let change = self.ledger.change(id, self.ledger.claim(&upload))?;
        let pending = change.claim().bytes;
        let wanted = bytes.saturating_sub(pending);
        let change = self.ledger.reserve(change, wanted).await?;
        let assembled = concatenator.assemble(id, interrupt).await;
        change.end(match assembled {
            Ok(()) => bytes,
            // It is still pending, and has no bytes.
            Err(_) => pending,
        });
        assembled
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        self.concatenator_below()?.await_part(part, id).await
    }
}

impl Limited {
    fn concatenator_below(&self) -> Result<&dyn Concatenator, Error> {
        let concatenator = self.ledger.store.concatenator();
        concatenator.ok_or(Error::NotImplemented)
    }

    /// Returns the number of bytes of a final of these parts. It has a copy of its own
    /// of each, even if the store shares the blocks: the parts may go.
    async fn sum(&self, parts: &[UploadId]) -> Result<u64, Error> {
        let (mut sum, mut known) = (0_u64, HashMap::new());
        for part in parts {
            if !known.contains_key(part) {
                let handle = self.ledger.store.open(part).await?;
                known.insert(part, charge(handle.info()));
            }
            sum = sum.saturating_add(known[part]);
        }
        Ok(sum)
    }
}

impl Ledger {
    /// Terminates an upload, and gives back what it was charged.
    pub(super) async fn terminate(self: &Arc<Self>, id: &UploadId) -> Result<(), Error> {
        let terminator = self.store.terminator().ok_or(Error::NotImplemented)?;
        let Ok(handle) = self.store.open(id).await else {
            // What it was charged depends on when its bytes have gone.
            terminator.terminate(id).await?;
            self.keeper.doubt();
            return Ok(());
        };
        let change = self.change(id, self.claim(handle.info()))?;
        drop(handle);
        // If it fails, some of the upload may be gone.
        terminator.terminate(id).await?;
        change.end(0);
        Ok(())
    }
}
