//! Limits on uploads together.

use std::ops::RangeInclusive;

use super::{Conditions, Entry, State, Stored};
use crate::actions::Evicts;
use crate::request::{Content, Joined, New, NewLength, Owner, Request};

/// What fits beside the other uploads.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    pub(crate) total: u64,
    pub(crate) per_owner: Option<u64>,
    pub(crate) evicts: Evicts,
    /// Those that a request meets.
    pub(crate) limits: Vec<Limit>,
}

/// A limit, seen by one upload.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) bytes: u64,
    /// Whose limit it is: `None` for that of all uploads.
    pub(crate) owner: Option<Owner>,
    /// How much the other uploads are charged, which is not always known. What may be
    /// removed for it counts for the upper end only.
    pub(crate) others: RangeInclusive<u64>,
}

/// Whether an upload fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fits {
    No,
    /// Nobody knows.
    Perhaps,
    Yes,
}

impl Quota {
    /// Returns the limits for an upload of this owner, without those of others.
    pub(crate) fn limits_of(&self, owner: Option<Owner>) -> Vec<Limit> {
        let limit = |bytes, owner| Limit {
            bytes,
            owner,
            others: 0..=0,
        };
        let own = self.per_owner.zip(owner);
        let own = own.map(|(bytes, owner)| limit(bytes, Some(owner)));
        std::iter::once(limit(self.total, None))
            .chain(own)
            .collect()
    }

    /// Returns the size of an upload that fits if there is no other.
    pub(crate) fn largest(&self) -> u64 {
        self.per_owner.unwrap_or(self.total)
    }
}

impl Limit {
    /// Whether uploads of this owner count.
    pub(crate) fn counts(&self, owner: Option<Owner>) -> bool {
        self.owner.is_none() || self.owner == owner
    }

    fn room_for(&self, bytes: u64) -> Fits {
        match self.bytes.checked_sub(bytes) {
            Some(rest) if *self.others.end() <= rest => Fits::Yes,
            Some(rest) if *self.others.start() <= rest => Fits::Perhaps,
            _ => Fits::No,
        }
    }

    /// Whether others may have to go for so many bytes.
    pub(crate) fn may_lack(&self, bytes: u64) -> bool {
        self.room_for(bytes) != Fits::Yes
    }
}

impl Conditions {
    /// Whether uploads are removed to make room for others.
    pub(crate) fn evicts(&self) -> bool {
        let quota = self.quota.as_ref();
        quota.is_some_and(|quota| quota.evicts != Evicts::Nothing)
    }

    fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.quota.iter().flat_map(|quota| &quota.limits)
    }

    /// Tells whether an upload of this size fits, and the status if it does not.
    pub(super) fn room_for(&self, bytes: u64) -> (Fits, u16) {
        let fits = self.limits().map(|limit| limit.room_for(bytes)).min();
        let is_too_long = self.limits().any(|limit| bytes > limit.bytes);
        (
            fits.unwrap_or(Fits::Yes),
            if is_too_long { 413 } else { 507 },
        )
    }

    /// Whether no upload may be so long.
    pub(super) fn is_too_long(&self, length: u64) -> bool {
        self.quota
            .as_ref()
            .is_some_and(|quota| length > quota.total)
    }

    /// Notes that others may take so many bytes more.
    pub(crate) fn take_room(&mut self, bytes: u64) {
        let limits = self.quota.iter_mut().flat_map(|quota| &mut quota.limits);
        for limit in limits {
            let (least, most) = (*limit.others.start(), *limit.others.end());
            limit.others = least..=most.saturating_add(bytes);
        }
    }

    /// Returns how large an upload may be at most.
    pub(super) fn most(&self) -> u64 {
        let room = |limit: &Limit| limit.bytes.saturating_sub(*limit.others.start());
        self.limits().map(room).min().unwrap_or(u64::MAX)
    }
}

impl Request {
    /// Returns how much more the upload may be charged for it, at most.
    pub(crate) fn charge(&self) -> u64 {
        let bytes = self.load().map_or(0, |load| load.bytes.len() as u64);
        let length = match self {
            Self::Create(New {
                content: Content::Sent(NewLength::Known(length), _),
                ..
            }) => *length,
            Self::Create(New {
                content: Content::Joined(Joined::Whole(bytes)),
                ..
            }) => bytes.len() as u64,
            Self::Append { length, .. } => length.unwrap_or(0),
            Self::Create(_) | Self::Head | Self::Get(_) | Self::Delete => 0,
        };
        bytes.max(length)
    }
}

impl Entry {
    /// Returns how much it is charged for a limit, at least and at most.
    pub(crate) fn charge(&self, limit: &Limit, evicts: Evicts) -> RangeInclusive<u64> {
        let charges = self.states.iter().map(|state| match state {
            state if !limit.counts(state.owner()) => 0..=0,
            state if state.is_evicted(evicts) => 0..=*state.charge().end(),
            state => state.charge(),
        });
        let least = charges.clone().map(|charge| *charge.start()).min();
        let most = charges.map(|charge| *charge.end()).max();
        least.unwrap_or(0)..=most.unwrap_or(0)
    }

    /// Returns how much it is charged at most, whoever owns it.
    pub(crate) fn most_charged(&self) -> u64 {
        let charges = self.states.iter().map(|state| *state.charge().end());
        charges.max().unwrap_or(0)
    }

    /// Returns whose it is.
    pub(crate) fn owner(&self) -> Option<Owner> {
        self.likely().owner()
    }

    /// Takes note that it may have been removed to make room for others.
    pub(crate) fn perhaps_evicted(&mut self, limit: &Limit, evicts: Evicts) {
        let states = self.states.iter();
        let goes = |state: &State| limit.counts(state.owner()) && state.is_evicted(evicts);
        if states.clone().any(goes) && !self.states.contains(&State::Absent) {
            self.states.push(State::Absent);
        }
    }

    /// Returns when it was active for the last time, if it is known to be there and to
    /// be among the first that go.
    pub(crate) fn goes_first(&self) -> Option<u32> {
        match self.likely() {
            State::Present(stored) if self.is_certain() => {
                let is_first = !stored.is_complete() || stored.about.is_partial();
                (is_first && *stored.charge().end() > 0).then_some(stored.touched)
            }
            State::Present(_) | State::Absent | State::Pending(_) => None,
        }
    }
}

impl State {
    fn charge(&self) -> RangeInclusive<u64> {
        match self {
            Self::Absent => 0..=0,
            Self::Present(stored) => stored.charge(),
            // Whether before it has its bytes is not promised.
            Self::Pending(pending) => 0..=pending.length.unwrap_or(u64::MAX / 2),
        }
    }

    fn owner(&self) -> Option<Owner> {
        match self {
            Self::Absent => None,
            Self::Present(stored) => stored.about.owner,
            Self::Pending(pending) => pending.about.owner,
        }
    }

    /// Whether it may be removed to make room for others.
    fn is_evicted(&self, evicts: Evicts) -> bool {
        match (self, evicts) {
            (Self::Absent | Self::Pending(_), _) | (_, Evicts::Nothing) => false,
            (Self::Present(stored), _) if *stored.charge().end() == 0 => false,
            (Self::Present(stored), Evicts::Unfinished) => {
                // Of a tail, nobody knows whether it has completed the upload.
                !stored.is_complete() || stored.about.is_partial()
            }
            (Self::Present(_), Evicts::Finished) => true,
        }
    }
}

impl Stored {
    fn charge(&self) -> RangeInclusive<u64> {
        match self.length {
            Some(length) => length..=length,
            None => self.offset()..=self.offset() + self.tail.len() as u64,
        }
    }
}
