use std::collections::BTreeMap;
use std::fmt;

use crate::protocol::Error;
use crate::store::{Leftover, LeftoverKind};

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepReport {
    /// What it removed, or in a dry run would remove.
    pub removed: BTreeMap<LeftoverKind, Tally>,
    /// What it kept, and why.
    pub kept: BTreeMap<(LeftoverKind, Reason), Tally>,
    /// What it could not remove.
    pub failed: BTreeMap<LeftoverKind, Tally>,
}

/// A number of leftovers, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// What became of a leftover.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fate {
    /// It was removed, or in a dry run would be.
    Removed {
        /// Its size in bytes when it was removed.
        bytes: u64,
    },
    /// It was kept.
    Kept(Reason),
    /// It could not be removed.
    Failed(Error),
}

/// Why a leftover was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It may belong to somebody, and was not asked for.
    Foreign,
    /// It was changed too short a time ago.
    Young,
    /// Somebody holds the lock of its upload.
    Held,
    /// It is gone, is no leftover any more, or is in use.
    Changed,
}

impl Reason {
    /// Returns its name, such as `young`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Young => "young",
            Self::Held => "held",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds up.
    fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Self {
        let add = |sum: Self, next: &Self| Self {
            count: sum.count + next.count,
            bytes: sum.bytes.saturating_add(next.bytes),
        };
        tallies.into_iter().fold(Self::default(), add)
    }
}

impl SweepReport {
    /// Returns what was removed of all kinds together.
    #[must_use]
    pub fn total(&self) -> Tally {
        Tally::sum(self.removed.values())
    }

    /// Returns what could not be removed of all kinds together.
    #[must_use]
    pub fn total_failed(&self) -> Tally {
        Tally::sum(self.failed.values())
    }

    /// Returns everything that was found, whatever became of it.
    #[must_use]
    pub fn found(&self) -> Tally {
        let all = self.removed.values().chain(self.failed.values());
        Tally::sum(all.chain(self.kept.values()))
    }

    pub(super) fn count(&mut self, leftover: &Leftover, fate: &Fate) {
        let kind = leftover.kind;
        match fate {
            Fate::Removed { bytes } => self.removed.entry(kind).or_default().add(*bytes),
            Fate::Kept(reason) => {
                let kept = self.kept.entry((kind, *reason)).or_default();
                kept.add(leftover.bytes);
            }
            Fate::Failed(_) => self.failed.entry(kind).or_default().add(leftover.bytes),
        }
    }
}
