use std::time::{Duration, SystemTime};

use super::Reason;
use crate::store::Leftover;

/// Which leftovers a sweep removes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepOptions {
    /// Minimum time since the last change of a leftover: 24 hours by default. One
    /// whose last change is unknown or in the future was changed just now.
    pub older_than: Duration,
    /// What happens to leftovers that may
    /// [belong to somebody](crate::store::LeftoverKind::is_foreign): they are kept by
    /// default.
    pub foreign: Foreign,
    /// Whether anything is removed: yes, by default.
    pub mode: Mode,
}

/// What a sweep does with leftovers that may belong to somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// Keeps them.
    #[default]
    Keep,
    /// Removes them like all others.
    Remove,
}

/// Whether a sweep removes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Removes.
    #[default]
    Remove,
    /// Changes nothing, and reports what it would do.
    DryRun,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            older_than: Duration::from_secs(24 * 60 * 60),
            foreign: Foreign::default(),
            mode: Mode::default(),
        }
    }
}

impl SweepOptions {
    /// Sets the minimum time since the last change of a leftover. With
    /// [`Duration::ZERO`], a sweep relies on locks alone to tell leftovers from what
    /// requests are making.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// Also removes what may belong to somebody.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        self.foreign = Foreign::Remove;
        self
    }

    /// Changes nothing, and reports what a sweep would do.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.mode = Mode::DryRun;
        self
    }

    /// Returns why a leftover is kept, whoever holds its lock.
    pub(super) fn keeps(&self, leftover: &Leftover, now: SystemTime) -> Option<Reason> {
        if leftover.kind.is_foreign() && self.foreign == Foreign::Keep {
            return Some(Reason::Foreign);
        }
        let since = leftover.modified.map(|then| now.duration_since(then));
        let age = since.and_then(Result::ok).unwrap_or_default();
        (age < self.older_than).then_some(Reason::Young)
    }
}
