//! What the model knows of one upload.

use super::{Conditions, Finishing, Pending, State, Stored, Tombstones, Torn, judge};
use crate::request::{Answer, Request};

/// What the model knows of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The states in which it may be; never none.
    pub(crate) states: Vec<State>,
    pub(crate) buried: Tombstones,
    /// The server at which a request may go on whose client has left, if requests at other
    /// servers do not wait for it.
    pub(crate) left_at: Option<usize>,
}

impl Entry {
    /// Returns an upload that does not exist yet.
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            states: vec![State::Absent],
            buried: Tombstones::default(),
            left_at: None,
        }
    }

    /// Takes note that the server may have asked about it, if it is complete.
    pub(crate) fn perhaps_asked(&mut self, conditions: &Conditions) {
        if !conditions.asks_by_itself {
            return;
        }
        let states = std::mem::take(&mut self.states);
        let mut next = states.clone();
        for state in &states {
            if let State::Present(stored) = state {
                next.extend(
                    stored
                        .perhaps_asked(conditions)
                        .into_iter()
                        .map(State::Present),
                );
            }
        }
        self.settle(next);
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
        next: Vec<State>,
        request: &Request,
        answer: &Answer,
        conditions: &Conditions,
    ) -> Result<(), String> {
        let mut next = State::perhaps_touched(next, request, conditions);
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
        // A refusal may tell the time that counted before it.
        self.settle(State::perhaps_touched(next, request, conditions));
        Ok(())
    }

    /// Takes note of the answers to two requests that were sent at the same time.
    pub(crate) fn raced(
        &mut self,
        [one, other]: [(&Request, &Answer, &Conditions); 2],
    ) -> Result<(), String> {
        let mut next = Vec::new();
        let mut faults = Vec::new();
        for [first, second] in [[one, other], [other, one]] {
            let mut entry = self.clone();
            let is_busy = is_told_to_come_back(first.1, second.0);
            let is_beaten = first.2.is_apart && first.1.was_beaten();
            let result = match first.1.gave_way() || is_busy || is_beaten {
                true => {
                    entry.gave_way(first.0, first.2);
                    Ok(())
                }
                false => entry.answered(first.0, first.1, first.2),
            };
            let created = matches!(first.0, Request::Create(_)).then(|| entry.clone());
            match result.and_then(|()| entry.answered(second.0, second.1, second.2)) {
                Ok(()) => next.extend(entry.states),
                Err(fault) => faults.push(fault),
            }
            if let Some(created) = created {
                next.extend(created.seen_unfinished(second));
            }
            next.extend(self.clone().seen_halfway(first, second));
        }
        if next.is_empty() {
            return Err(format!("a race: {}", faults.join("\nand ")));
        }
        self.settle(next);
        Ok(())
    }

    /// Returns the states after a request that has seen a new upload, which is complete,
    /// before its creation had finished it, for which it needs no lock.
    fn seen_unfinished(
        mut self,
        (request, answer, conditions): (&Request, &Answer, &Conditions),
    ) -> Vec<State> {
        let finished = self.states.clone();
        for state in &mut self.states {
            if let State::Present(stored) = state {
                stored.finishing = Finishing::Open { refusals: 0 };
            }
        }
        match self.answered(request, answer, conditions) {
            Ok(()) if self.is_absent() => self.states,
            Ok(()) => finished,
            Err(_) => Vec::new(),
        }
    }

    /// Returns the states after a request in the middle of which another server was asked
    /// for the upload, if that does not wait for it.
    fn seen_halfway(
        mut self,
        first: (&Request, &Answer, &Conditions),
        second: (&Request, &Answer, &Conditions),
    ) -> Vec<State> {
        if !first.2.is_apart || !matches!(second.0, Request::Head) {
            return Vec::new();
        }
        let mut halfway = self.clone();
        halfway.gave_way(first.0, first.2);
        let seen = halfway.answered(second.0, second.1, second.2);
        match seen.and_then(|()| self.answered(first.0, first.1, first.2)) {
            Ok(()) => self.states,
            Err(_) => Vec::new(),
        }
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
        self.settle(State::perhaps_touched(next.collect(), request, conditions));
    }

    /// Sets its states, each once.
    pub(crate) fn settle(&mut self, next: Vec<State>) {
        self.states.clear();
        for mut state in next {
            if let State::Present(stored) = &mut state
                && stored.tail.is_empty()
            {
                // It says nothing any more.
                stored.tail_touched = stored.touched;
            }
            if !self.states.contains(&state) {
                self.states.push(state);
            }
        }
    }

    /// Returns a state in which it may be.
    pub(crate) fn likely(&self) -> &State {
        &self.states[0]
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.states.iter().all(|state| *state == State::Absent)
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

/// Whether a request was refused for a moment because the other one was just creating
/// the upload, for which it needs no lock.
fn is_told_to_come_back(answer: &Answer, other: &Request) -> bool {
    let is_busy = answer.status == 503 && answer.header("retry-after").is_some();
    is_busy && matches!(other, Request::Create(_))
}
