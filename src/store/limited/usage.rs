use std::collections::BTreeMap;

use super::Owner;
use super::charge::Tally;

/// The account of a [`Limited`](super::Limited) store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes that all uploads together are charged.
    pub total: u64,
    /// The limit on them, in bytes.
    pub limit: Option<u64>,
    /// Bytes that each owner is charged. Empty without a limit per owner; an owner
    /// without bytes is not in it.
    pub owners: BTreeMap<Owner, u64>,
}

impl Usage {
    pub(super) fn new(tally: Tally, limit: Option<u64>) -> Self {
        Self {
            total: tally.total,
            limit,
            owners: tally.owners.into_iter().collect(),
        }
    }
}
