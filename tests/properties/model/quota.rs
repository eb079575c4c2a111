//! A limit on all uploads together.

use std::ops::RangeInclusive;

use super::{Conditions, Entry, State, Stored};
use crate::request::{Content, Joined, New, NewLength, Request};

/// What fits beside the other uploads.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    pub(crate) total: u64,
    /// How much the other uploads are charged, which is not always known.
    pub(crate) others: RangeInclusive<u64>,
}

/// Whether an upload fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    No,
    /// Nobody knows.
    Perhaps,
}

impl Conditions {
    /// Tells whether an upload of this size fits, and the status if it does not.
    pub(super) fn room_for(&self, bytes: u64) -> (Fits, u16) {
        let Some(quota) = &self.quota else {
            return (Fits::Yes, 0);
        };
        let fits = match quota.total.checked_sub(bytes) {
            Some(rest) if *quota.others.end() <= rest => Fits::Yes,
            Some(rest) if *quota.others.start() <= rest => Fits::Perhaps,
            _ => Fits::No,
        };
        (fits, if bytes > quota.total { 413 } else { 507 })
    }

    /// Whether no upload may be so long.
    pub(super) fn is_too_long(&self, length: u64) -> bool {
        self.quota
            .as_ref()
            .is_some_and(|quota| length > quota.total)
    }

    /// Notes that others may take so many bytes more.
    pub(crate) fn take_room(&mut self, bytes: u64) {
        if let Some(quota) = &mut self.quota {
            let (least, most) = (*quota.others.start(), *quota.others.end());
            quota.others = least..=most.saturating_add(bytes);
        }
    }

    /// Returns how large an upload may be at most.
    pub(super) fn most(&self) -> u64 {
        let quota = self.quota.as_ref();
        quota.map_or(u64::MAX, |quota| {
            quota.total.saturating_sub(*quota.others.start())
        })
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
    /// Returns how much it is charged, at least and at most.
    pub(crate) fn charge(&self) -> RangeInclusive<u64> {
        let charges = self.states.iter().map(State::charge);
        let least = charges.clone().map(|charge| *charge.start()).min();
        let most = charges.map(|charge| *charge.end()).max();
        least.unwrap_or(0)..=most.unwrap_or(0)
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
}

impl Stored {
    fn charge(&self) -> RangeInclusive<u64> {
        match self.length {
            Some(length) => length..=length,
            None => self.offset()..=self.offset() + self.tail.len() as u64,
        }
    }
}
