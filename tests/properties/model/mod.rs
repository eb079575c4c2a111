//! A small model of the protocol: what clients may rely on, and what each request
//! may answer.
//!
//! Of each upload the model knows in which states it may be. Usually this is one.
//! After a request without an answer there are several: a PATCH that was cut off
//! has stored any number of its bytes, a DELETE before a crash has removed the
//! upload or not. Each answer is compared with each of these states: it rules out
//! those in which the server would have answered otherwise, and each of the others
//! becomes the state after the request. If none is left, the server has broken a
//! promise.
//!
//! The model is written from the protocol and the docs, and shares no code with the
//! server.

mod append;
mod conditions;
mod create;
mod entry;
mod expiry;
mod judge;
mod pending;
mod quota;
mod read;
mod removal;
mod stored;
mod whether;

use crate::request::{Answer, Request};

pub(crate) use self::conditions::{Conditions, Torn, Verdict};
pub(crate) use self::entry::Entry;
pub(crate) use self::expiry::{CountsFrom, Expiry, Stamps};
pub(crate) use self::pending::{Pending, is_needed};
pub(crate) use self::quota::Quota;
pub(crate) use self::removal::Tombstones;
pub(crate) use self::stored::{Finishing, Stored};
pub(crate) use self::whether::Whether;

/// A state of an upload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// It does not exist, yet or any more.
    Absent,
    Present(Stored),
    Pending(Pending),
}

impl State {
    /// Returns the states after a request with this answer: none if the answer is
    /// wrong in this state.
    fn answered(&self, request: &Request, answer: &Answer, conditions: &Conditions) -> Vec<Self> {
        let (fresh, expired) = match self {
            Self::Present(stored) => {
                let (fresh, expired) = stored.divide(conditions);
                (present(fresh), present(expired))
            }
            Self::Pending(pending) => {
                let has_expired = pending.has_expired(conditions);
                let state = |is_it: bool| is_it.then(|| self.clone()).into_iter().collect();
                let fresh: Vec<_> = state(has_expired != Whether::Yes);
                (fresh, state(has_expired != Whether::No))
            }
            Self::Absent => (vec![self.clone()], Vec::new()),
        };
        if matches!(request, Request::Create(_) | Request::Delete) {
            return self.served(request, answer, conditions);
        }
        // EXP-07, or whatever else is wrong with the request.
        let refusals = request.refusals_of_form(conditions);
        let is_refused = |status| status == 410 || refusals.contains(&status);
        let expired = expired.into_iter().filter(|_| is_refused(answer.status));
        let served = fresh
            .iter()
            .flat_map(|state| state.served(request, answer, conditions));
        served.chain(expired).collect()
    }

    /// Like [`answered`](Self::answered), if the upload has not expired.
    fn served(&self, request: &Request, answer: &Answer, conditions: &Conditions) -> Vec<Self> {
        match (self, request) {
            (_, Request::Create(new)) => self.created(new, answer, conditions),
            (Self::Absent, request) => {
                let refusals = request.refusals_of_form(conditions);
                let is_refused = refusals.contains(&answer.status);
                match is_refused || conditions.is_missed(answer.status) {
                    true => vec![Self::Absent],
                    false => Vec::new(),
                }
            }
            (
                Self::Present(stored),
                Request::Append {
                    offset,
                    length,
                    load,
                },
            ) => {
                let chunk = append::Chunk {
                    offset: *offset,
                    length: *length,
                    load,
                };
                present(stored.appended(&chunk, answer, conditions))
            }
            (Self::Present(stored), Request::Head) => present(stored.headed(answer, conditions)),
            (Self::Present(stored), Request::Get(span)) => {
                present(stored.given_out(*span, answer, conditions))
            }
            (Self::Pending(pending), Request::Head) => pending.headed(answer),
            (Self::Pending(pending), Request::Get(_)) => pending.given_out(answer, conditions),
            // CAT-10
            (Self::Pending(pending), Request::Append { .. }) => {
                let refusals = request.refusals_of_form(conditions);
                pending.stays_if(answer.status == 403 || refusals.contains(&answer.status))
            }
            (Self::Present(_) | Self::Pending(_), Request::Delete) => {
                match conditions.terminate.status() {
                    None if answer.status == 204 => vec![Self::Absent],
                    Some(status) if answer.status == status => vec![self.clone()],
                    _ => Vec::new(),
                }
            }
        }
    }

    /// Returns the states after a request without an answer.
    fn torn(&self, request: &Request, torn: Torn, conditions: &Conditions) -> Vec<Self> {
        match (self, request) {
            (Self::Absent, Request::Create(new)) => Self::begun(new, torn, conditions),
            (
                Self::Present(stored),
                Request::Append {
                    offset,
                    length,
                    load,
                },
            ) => {
                let chunk = append::Chunk {
                    offset: *offset,
                    length: *length,
                    load,
                };
                present(stored.torn(&chunk, torn, conditions))
            }
            (Self::Present(stored), Request::Head) => present(stored.perhaps_finished(conditions)),
            (_, Request::Delete) if conditions.terminate.status().is_none() => {
                vec![self.clone(), Self::Absent]
            }
            _ => vec![self.clone()],
        }
    }

    fn may_be_at(&self, offset: u64) -> bool {
        match self {
            Self::Absent | Self::Pending(_) => false,
            Self::Present(stored) => stored.at(offset).is_some(),
        }
    }
}

fn present(stored: Vec<Stored>) -> Vec<State> {
    stored.into_iter().map(State::Present).collect()
}
