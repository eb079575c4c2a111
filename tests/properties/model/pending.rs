//! Finals of which some part is unfinished.

use std::fmt;
use std::sync::Arc;

use super::stored::is_described;
use super::{Conditions, Entry, Finishing, State, Stored, Whether};
use crate::request::{About, Answer};

/// A final that has no bytes before all its parts are finished.
#[derive(Clone, PartialEq)]
pub(crate) struct Pending {
    pub(crate) about: Arc<About>,
    /// The entries of the parts, and what tells them from later uploads with their
    /// ids.
    pub(crate) parts: Vec<(usize, Arc<About>)>,
    /// The sum of the lengths, once all are known.
    pub(crate) length: Option<u64>,
    /// When it was created, in two words: the first does not follow every clock.
    pub(crate) created: u32,
    pub(crate) touched: u32,
}

impl Pending {
    pub(super) fn has_expired(&self, conditions: &Conditions) -> Whether {
        match conditions.is_over(self.created, self.touched) {
            true => conditions.is_needed.not(),
            false => Whether::No,
        }
    }

    // CAT-12, CAT-15
    pub(super) fn headed(&self, answer: &Answer) -> Vec<State> {
        let is_right = answer.status == 200
            && answer.header("upload-offset").is_none()
            && is_described(&self.about, self.length, answer);
        self.stays_if(is_right)
    }

    pub(super) fn given_out(&self, answer: &Answer, conditions: &Conditions) -> Vec<State> {
        self.stays_if(match conditions.decides {
            true => answer.status == 400,
            false => answer.status == 200 && answer.body.is_empty(),
        })
    }

    pub(super) fn stays_if(&self, is_right: bool) -> Vec<State> {
        match is_right {
            true => vec![State::Pending(self.clone())],
            false => Vec::new(),
        }
    }

    /// Returns the states now that its parts are in these.
    pub(super) fn caught_up(&self, entries: &[Entry], conditions: &Conditions) -> Vec<State> {
        let (mut bytes, mut length, mut is_due) = (Vec::new(), Some(0), true);
        for (part, about) in &self.parts {
            let part = &entries[*part];
            if !part.is_certain() {
                return vec![State::Pending(self.clone())];
            }
            match part.likely() {
                // It is terminated with its part.
                State::Absent | State::Pending(_) => return vec![State::Absent],
                State::Present(stored) if stored.about != *about => return vec![State::Absent],
                State::Present(stored) => {
                    bytes.extend_from_slice(&stored.bytes);
                    length = length.zip(stored.length).map(|(sum, length)| sum + length);
                    is_due &= stored.finishing == Finishing::Done;
                }
            }
        }
        if !is_due {
            let pending = self.clone();
            return vec![State::Pending(Self { length, ..pending })];
        }
        let touched = conditions.stamp();
        // Nobody tells whether, and how often, somebody was asked to finish it.
        let asked = (0..2).flat_map(|refusals| {
            let whole = Stored {
                finishing: Finishing::Open { refusals },
                created: self.created,
                ..Stored::new(self.about.clone(), length, conditions).with(&bytes, touched)
            };
            whole.perhaps_finished(conditions)
        });
        asked.map(State::Present).collect()
    }
}

/// Whether an upload stays although its time is over: a pending final needs its
/// parts, and is needed itself while the time of one of them is not over.
pub(crate) fn is_needed(entry: usize, entries: &[Entry], conditions: &Conditions) -> Whether {
    if let Some(pending) = entries[entry].pending() {
        let lives = |state: &State| match state {
            State::Present(stored) => !stored.is_over(conditions),
            State::Absent | State::Pending(_) => false,
        };
        let parts = pending.parts.iter().map(|(part, _)| {
            let states = entries[*part].states.iter();
            Whether::in_all(states.map(|state| lives(state).into()))
        });
        return Whether::any(parts);
    }
    let needs = |state: &State| match state {
        State::Pending(pending) => pending.parts.iter().any(|(part, _)| *part == entry),
        State::Absent | State::Present(_) => false,
    };
    Whether::any(entries.iter().map(|other| {
        let states = other.states.iter();
        Whether::in_all(states.map(|state| needs(state).into()))
    }))
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|(part, _)| part).collect();
        write!(
            f,
            "a final of {parts:?}, {:?} bytes, {:?}",
            self.length, self.about
        )
    }
}
