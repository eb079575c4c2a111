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
mod create;
mod expiry;
mod judge;
mod pending;
mod quota;
mod read;
mod stored;

use std::fmt::Debug;

use crate::request::{Answer, Request};

pub(crate) use self::expiry::{CountsFrom, Expiry, Stamps};
pub(crate) use self::pending::{Pending, is_needed};
pub(crate) use self::quota::Quota;
pub(crate) use self::stored::{Finishing, Stored};

/// What the model knows of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The states in which it may be; never none.
    pub(crate) states: Vec<State>,
}

/// A state of an upload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// It does not exist, yet or any more.
    Absent,
    Present(Stored),
    Pending(Pending),
}

/// What a request depends on besides its upload.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) create: Verdict,
    pub(crate) finish: Verdict,
    pub(crate) terminate: Verdict,
    /// Whether anybody decides about complete uploads, who are then not given out
    /// before they are finished.
    pub(crate) decides: bool,
    /// How often an upload may be refused before it is rejected for good.
    pub(crate) attempts: u32,
    /// `None` if no upload expires.
    pub(crate) expiry: Option<Expiry>,
    /// `None` if there is room for everything.
    pub(crate) quota: Option<Quota>,
    /// Whether the upload does not expire because another one needs it.
    pub(crate) is_needed: bool,
}

/// What a gate or a hook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Agrees,
    /// Refuses with this status, which is a decision.
    Refuses(u16),
    /// Fails with this status, which is none.
    Fails(u16),
}

impl Verdict {
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Agrees => None,
            Self::Refuses(status) | Self::Fails(status) => Some(status),
        }
    }
}

/// How a request was left without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Torn {
    /// The client is gone, or waits, after this many bytes of the body, and the
    /// server has begun to read them.
    After(usize),
    /// The server was killed at any moment.
    Killed,
}

impl Entry {
    /// Returns an upload that does not exist yet.
    pub(crate) fn new(id: String) -> Self {
        let states = vec![State::Absent];
        Self { id, states }
    }

    /// Takes note of an answer. Fails if it breaks a promise.
    pub(crate) fn answered(
        &mut self,
        request: &Request,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Result<(), String> {
        judge::form(request, answer)?;
        let mut next = Vec::new();
        for state in &self.states {
            next.extend(state.answered(request, answer, conditions));
        }
        self.accept(next, request, answer, conditions)
    }

    /// Like [`answered`](Self::answered), for a request that began before the upload
    /// expired.
    pub(crate) fn answered_late(
        &mut self,
        request: &Request,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Result<(), String> {
        judge::form(request, answer)?;
        let states = self.states.iter();
        let next = states.flat_map(|state| state.served(request, answer, conditions));
        self.accept(next.collect(), request, answer, conditions)
    }

    fn accept(
        &mut self,
        mut next: Vec<State>,
        request: &Request,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Result<(), String> {
        next.retain(|state| match state {
            State::Present(stored) => stored.is_told(request, answer, conditions),
            State::Absent | State::Pending(_) => true,
        });
        if let Some(told) = answer.number("upload-offset") {
            next.retain(|state| state.may_be_at(told));
        }
        if next.is_empty() {
            return Err(format!(
                "{}: {request:?}\nwas answered with {answer:?}\nalthough it was in one of {:?}\nand {conditions:?}",
                self.id, self.states
            ));
        }
        self.settle(next);
        Ok(())
    }

    /// Takes note of the answers to two requests that were sent at the same time.
    pub(crate) fn raced(
        &mut self,
        [one, other]: [(&Request, &Answer); 2],
        conditions: &Conditions,
    ) -> Result<(), String> {
        let mut next = Vec::new();
        let mut faults = Vec::new();
        for [first, second] in [[one, other], [other, one]] {
            let mut entry = self.clone();
            let result = match first.1.gave_way() {
                true => {
                    entry.gave_way(first.0, conditions);
                    Ok(())
                }
                false => entry.answered(first.0, first.1, conditions),
            };
            match result.and_then(|()| entry.answered(second.0, second.1, conditions)) {
                Ok(()) => next.extend(entry.states),
                Err(fault) => faults.push(fault),
            }
        }
        if next.is_empty() {
            return Err(format!("a race: {}", faults.join("\nand ")));
        }
        self.settle(next);
        Ok(())
    }

    /// Takes note of a request that another one has ended, at any point.
    fn gave_way(&mut self, request: &Request, conditions: &Conditions) {
        let before = self.states.clone();
        let bytes = match request {
            Request::Append { load, .. } => load.bytes.len(),
            Request::Create(_) | Request::Head | Request::Get(_) | Request::Delete => 0,
        };
        self.torn(request, Torn::After(bytes), conditions);
        let after = std::mem::take(&mut self.states);
        self.settle(before.into_iter().chain(after).collect());
    }

    /// Takes note of a request without an answer.
    pub(crate) fn torn(&mut self, request: &Request, torn: Torn, conditions: &Conditions) {
        let states = self.states.iter();
        let next = states.flat_map(|state| state.torn(request, torn, conditions));
        self.settle(next.collect());
    }

    /// Sets its states, each once.
    pub(crate) fn settle(&mut self, next: Vec<State>) {
        self.states.clear();
        for state in next {
            if !self.states.contains(&state) {
                self.states.push(state);
            }
        }
    }

    /// Returns a state in which it may be.
    pub(crate) fn likely(&self) -> &State {
        &self.states[0]
    }

    /// Whether its state is known.
    pub(crate) fn is_certain(&self) -> bool {
        let exact = |state: &State| match state {
            State::Absent | State::Pending(_) => true,
            State::Present(stored) => stored.tail.is_empty(),
        };
        self.states.len() == 1 && self.states.iter().all(exact)
    }

    /// Returns it as a part of a final, or the status of the refusal.
    pub(crate) fn part(&self) -> Result<&Stored, u16> {
        match self.likely() {
            State::Absent => Err(404),
            State::Present(stored) if stored.about.is_partial() => Ok(stored),
            State::Present(_) | State::Pending(_) => Err(400), // CAT-18
        }
    }

    /// Whether its time is over, whoever else needs it.
    pub(crate) fn is_over(&self, conditions: &Conditions) -> bool {
        match self.likely() {
            State::Absent => false,
            State::Present(stored) => stored.is_over(conditions),
            State::Pending(pending) => conditions.is_over(pending.touched),
        }
    }

    /// Whether it may be a final that waits for its parts.
    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.states.iter().find_map(|state| match state {
            State::Pending(pending) => Some(pending),
            State::Absent | State::Present(_) => None,
        })
    }

    /// Takes note of what has become of its parts.
    pub(crate) fn caught_up(&self, entries: &[Self], conditions: &Conditions) -> Vec<State> {
        let states = self.states.iter();
        let next = states.flat_map(|state| match state {
            State::Pending(pending) => pending.caught_up(entries, conditions),
            State::Absent | State::Present(_) => vec![state.clone()],
        });
        next.collect()
    }
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
            Self::Pending(pending) if pending.has_expired(conditions) => {
                (Vec::new(), vec![self.clone()])
            }
            Self::Absent | Self::Pending(_) => (vec![self.clone()], Vec::new()),
        };
        if matches!(request, Request::Create(_) | Request::Delete) {
            return self.served(request, answer, conditions);
        }
        // EXP-07, or whatever else is wrong with the request.
        let refusals = request.refusals_of_form();
        let is_refused = |status| status == 410 || status != 404 && refusals.contains(&status);
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
            (Self::Absent, request) => match request.refusals_of_form().contains(&answer.status) {
                true => vec![Self::Absent],
                false => Vec::new(),
            },
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
                let refusals = request.refusals_of_form();
                let is_refused = answer.status != 404 && refusals.contains(&answer.status);
                pending.stays_if(answer.status == 403 || is_refused)
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
