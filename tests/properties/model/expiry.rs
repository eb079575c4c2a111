//! Uploads that expire.

use std::time::{Duration, SystemTime};

use headers::{Expires, Header};

use super::{Conditions, Finishing, State, Stored, Whether};
use crate::request::{Answer, Request};

/// When uploads expire. Times are hours since the start of the case, which takes
/// much less than one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expiry {
    /// The time on the clock when the case started.
    pub(crate) start: SystemTime,
    pub(crate) now: u32,
    pub(crate) after: u32,
    pub(crate) counts_from: CountsFrom,
    pub(crate) stamps: Stamps,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountsFrom {
    LastActivity,
    Creation,
}

/// Where the store has its times from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamps {
    /// The clock of the case, except that it notes creations like `System`.
    Clock,
    /// The system, for which nothing ever happens later than at the start.
    System,
    /// The system, but the times of what is stored are set back: servers take what is
    /// as old as the start of the case for older. They also remove what has expired.
    SetBack,
}

impl Expiry {
    /// Returns the time that the store notes now.
    fn stamp(&self) -> u32 {
        match self.stamps {
            Stamps::Clock | Stamps::SetBack => self.now,
            Stamps::System => 0,
        }
    }

    /// Returns the time that is noted for an upload that is created now.
    fn birth(&self) -> u32 {
        match self.stamps {
            Stamps::Clock | Stamps::System => 0,
            Stamps::SetBack => self.now,
        }
    }

    /// Returns when an unfinished upload expires.
    fn at(&self, created: u32, touched: u32) -> u32 {
        self.after
            + match self.counts_from {
                CountsFrom::LastActivity => touched,
                CountsFrom::Creation => created,
            }
    }

    /// Returns the hour of a time that a server tells.
    fn hour(&self, time: SystemTime) -> u32 {
        let half = Duration::from_secs(1800);
        let since = (time + half).duration_since(self.start).unwrap_or_default();
        let hour = u32::try_from(since.as_secs() / 3600).unwrap_or(u32::MAX);
        match self.stamps {
            Stamps::Clock | Stamps::System => hour,
            // It is still at the start of the case.
            Stamps::SetBack => hour.saturating_add(self.now),
        }
    }
}

impl Conditions {
    /// Returns the time of an activity now.
    pub(super) fn stamp(&self) -> u32 {
        self.expiry.map_or(0, |expiry| expiry.stamp())
    }

    /// Returns the time of a creation now.
    pub(super) fn birth(&self) -> u32 {
        self.expiry.map_or(0, |expiry| expiry.birth())
    }

    /// Whether an upload would be over as soon as it is created, which happens only
    /// to stores that do not have the clock of the case.
    pub(crate) fn is_born_expired(&self) -> bool {
        self.is_over(self.birth(), self.stamp())
    }

    /// Whether the time of an unfinished upload is over.
    pub(super) fn is_over(&self, created: u32, touched: u32) -> bool {
        self.expiry
            .is_some_and(|expiry| expiry.at(created, touched) <= expiry.now)
    }

    fn slides(&self) -> bool {
        self.expiry
            .is_some_and(|expiry| expiry.counts_from == CountsFrom::LastActivity)
    }

    /// Whether the servers remove what has expired.
    pub(crate) fn removes_expired(&self) -> bool {
        self.expiry
            .is_some_and(|expiry| expiry.stamps == Stamps::SetBack)
    }
}

impl State {
    /// Adds the states in which a request that has stored no byte was an activity: the
    /// store takes bytes back that it has written.
    pub(super) fn perhaps_touched(
        mut states: Vec<Self>,
        request: &Request,
        conditions: &Conditions,
    ) -> Vec<Self> {
        let writes = request.load().is_some_and(|load| !load.bytes.is_empty());
        if !writes || !conditions.removes_expired() {
            return states;
        }
        let touched = conditions.stamp();
        let more = states.iter().filter_map(|state| match state {
            Self::Present(stored) if !stored.is_complete() && conditions.slides() => {
                Some(Self::Present(Stored {
                    touched,
                    tail_touched: touched,
                    ..stored.clone()
                }))
            }
            Self::Present(_) | Self::Absent | Self::Pending(_) => None,
        });
        let more: Vec<_> = more.collect();
        states.extend(more);
        states
    }
}

impl Stored {
    /// Whether it expires at some time.
    // EXP-09
    fn may_expire(&self, conditions: &Conditions) -> bool {
        match self.finishing {
            _ if !self.is_complete() => true,
            Finishing::Done => self.about.is_partial(),
            // Its client has sent all of it.
            Finishing::Open { refusals } => refusals >= conditions.attempts,
        }
    }

    /// Whether its time is over, whoever else needs it.
    pub(crate) fn is_over(&self, conditions: &Conditions) -> bool {
        self.may_expire(conditions) && conditions.is_over(self.created, self.touched)
    }

    /// Returns the states in which it has not expired, and those in which it has.
    pub(super) fn divide(&self, conditions: &Conditions) -> (Vec<Self>, Vec<Self>) {
        let untouched = Self {
            tail: Default::default(),
            ..self.clone()
        };
        let whether = match untouched.is_over(conditions) {
            true => conditions.is_needed.not(),
            false => Whether::No,
        };
        match whether {
            Whether::No => return (vec![self.clone()], Vec::new()),
            Whether::Perhaps => return (vec![self.clone()], vec![self.clone()]),
            Whether::Yes if self.tail.is_empty() => return (Vec::new(), vec![self.clone()]),
            Whether::Yes => {}
        }
        // Some of its bytes may have come later.
        match conditions.is_over(self.created, self.tail_touched)
            && self
                .length
                .is_none_or(|length| length > self.offset() + self.tail.len() as u64)
        {
            true => (Vec::new(), vec![self.clone()]),
            false => (vec![self.clone()], vec![untouched]),
        }
    }

    /// Whether an answer tells rightly when the upload expires, with this state after
    /// the request.
    // EXP-03, EXP-04, EXP-08
    pub(super) fn is_told(
        &self,
        request: &Request,
        answer: &Answer,
        conditions: &Conditions,
    ) -> bool {
        let value = answer.headers.get_all("upload-expires");
        let mut values = value.iter();
        let Some(expiry) = conditions.expiry else {
            return values.next().is_none();
        };
        let must_tell = match request {
            Request::Create(_) => answer.id().is_some(),
            Request::Append { .. } => true,
            Request::Head | Request::Get(_) => answer.status < 300,
            Request::Delete => false,
        };
        // Of an upload that only another one keeps, nobody knows. A refusal tells what was
        // right before another server has changed the upload.
        let is_unsure = self.is_over(conditions) || conditions.is_apart;
        if !must_tell || !self.tail.is_empty() || is_unsure {
            return true;
        }
        if !self.may_expire(conditions) {
            return values.next().is_none();
        }
        let told = Expires::decode(&mut values).ok();
        let told = told.map(|told| expiry.hour(told.into()));
        told == Some(expiry.at(self.created, self.touched))
    }
}
