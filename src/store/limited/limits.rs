use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, Upload};

use super::Owner;
use super::charge::{Claim, Tally};

type FindOwner = dyn Fn(&Upload) -> Option<Owner> + Send + Sync;

/// The limits in bytes.
#[derive(Clone, Default)]
pub(super) struct Limits {
    pub(super) total: Option<u64>,
    pub(super) per_owner: Option<PerOwner>,
}

#[derive(Clone)]
pub(super) struct PerOwner {
    pub(super) bytes: u64,
    pub(super) find: Arc<FindOwner>,
}

/// The limit that leaves too little room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// Whose limit it is: `None` for that of all uploads.
    pub(super) owner: Option<Owner>,
    limit: u64,
    /// Whether the upload alone exceeds the limit.
    pub(super) is_for_ever: bool,
}

impl Limits {
    pub(super) fn owner(&self, upload: &Upload) -> Option<Owner> {
        let per_owner = self.per_owner.as_ref()?;
        (per_owner.find)(upload)
    }

    /// Returns how many of `wanted` more bytes `claim` may have, and the limit that
    /// stands in the way of the others.
    pub(super) fn room(&self, tally: &Tally, claim: &Claim, wanted: u64) -> (u64, Option<Full>) {
        let total = self.total.map(|limit| (None, limit, tally.total));
        let owner = self.per_owner.as_ref().and_then(|per_owner| {
            let owner = claim.owner.clone()?;
            let used = tally.of(&owner);
            Some((Some(owner), per_owner.bytes, used))
        });
        let limits = total.into_iter().chain(owner);
        let least = limits.map(|(owner, limit, used)| {
            let is_for_ever = claim.bytes.saturating_add(wanted) > limit;
            let full = Full {
                owner,
                limit,
                is_for_ever,
            };
            (limit.saturating_sub(used), full)
        });
        let least: Vec<_> = least.filter(|(room, _)| *room < wanted).collect();
        let room = least.iter().map(|(room, _)| *room).min();
        // A limit below the size of the upload is the better reason.
        let full = least.into_iter().map(|(_, full)| full);
        let full = full.max_by_key(|full| full.is_for_ever);
        (room.unwrap_or(wanted), full)
    }
}

impl From<Full> for Error {
    fn from(full: Full) -> Self {
        match full.is_for_ever {
            true => Self::MaxSizeExceeded,
            false => Self::InsufficientStorage(Arc::new(full)),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the quota of {} bytes", self.limit)?;
        if let Some(owner) = &self.owner {
            write!(f, " of {:?}", owner.as_str())?;
        }
        f.write_str(" is used up")
    }
}

impl StdError for Full {}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_owner = self.per_owner.as_ref().map(|per_owner| per_owner.bytes);
        f.debug_struct("Limits")
            .field("total", &self.total)
            .field("per_owner", &per_owner)
            .finish()
    }
}
