//! What an upload is charged: a function of its stored state alone.

use std::collections::HashMap;

use tower_tus_layers::protocol::{Length, Offset, Upload};

use super::Owner;

/// Returns the number of bytes that the upload is charged: its length, or what is
/// stored of it while the length is deferred.
pub(super) fn charge(upload: &Upload) -> u64 {
    charge_at(upload, upload.offset)
}

/// Like [`charge`], for an upload that ends at `offset` by now.
pub(super) fn charge_at(upload: &Upload, offset: Offset) -> u64 {
    upload.length.map_or(0, Length::get).max(offset.get())
}

/// The bytes that one upload is charged, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) owner: Option<Owner>,
    pub(super) bytes: u64,
}

/// Sums of claims. An owner without bytes has no entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) owners: HashMap<Owner, u64>,
}

impl Tally {
    pub(super) fn of(&self, owner: &Owner) -> u64 {
        self.owners.get(owner).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, claim: &Claim) {
        self.total = self.total.saturating_add(claim.bytes);
        if let Some(owner) = claim.owner.as_ref().filter(|_| claim.bytes > 0) {
            let used = self.owners.entry(owner.clone()).or_default();
            *used = used.saturating_add(claim.bytes);
        }
    }

    /// Saturates: somebody beside us may have removed more than was counted.
    pub(super) fn remove(&mut self, claim: &Claim) {
        self.total = self.total.saturating_sub(claim.bytes);
        let Some(owner) = &claim.owner else { return };
        if let Some(used) = self.owners.get_mut(owner) {
            *used = used.saturating_sub(claim.bytes);
            if *used == 0 {
                self.owners.remove(owner);
            }
        }
    }
}
