//! Uploads that servers remove because they have expired.

use super::{Conditions, Entry, State, Whether};
use crate::request::{Answer, Request};

/// The maximum number of servers on the same uploads.
const MOST_SERVERS: usize = 2;

/// Which servers know that an upload was removed because it had expired: those that
/// have done it, until they end or create another one with its id.
pub(crate) type Tombstones = [Whether; MOST_SERVERS];

impl Conditions {
    /// Whether a request for an upload that does not exist gets this status.
    // EXP-07
    pub(super) fn is_missed(&self, status: u16) -> bool {
        match self.is_buried {
            Whether::No => status == 404,
            Whether::Yes => status == 410,
            Whether::Perhaps => status == 404 || status == 410,
        }
    }
}

impl State {
    fn has_expired(&self, conditions: &Conditions) -> Whether {
        match self {
            Self::Absent => Whether::No,
            Self::Pending(pending) => pending.has_expired(conditions),
            Self::Present(stored) => {
                let (fresh, expired) = stored.divide(conditions);
                match (fresh.is_empty(), expired.is_empty()) {
                    (_, true) => Whether::No,
                    (true, false) => Whether::Yes,
                    (false, false) => Whether::Perhaps,
                }
            }
        }
    }
}

impl Entry {
    /// Whether it is there although it has expired.
    pub(crate) fn has_expired(&self, conditions: &Conditions) -> Whether {
        Whether::in_all(
            self.states
                .iter()
                .map(|state| state.has_expired(conditions)),
        )
    }

    /// Takes note that one of the servers has removed it, because it has expired.
    pub(crate) fn expire(&mut self, servers: usize) {
        self.states = vec![State::Absent];
        self.bury(match servers {
            1 => Whether::Yes,
            _ => Whether::Perhaps,
        });
    }

    /// Takes note that one of the servers may have removed it.
    pub(crate) fn perhaps_expire(&mut self) {
        if !self.states.contains(&State::Absent) {
            self.states.push(State::Absent);
        }
        self.bury(Whether::Perhaps);
    }

    fn bury(&mut self, whether: Whether) {
        for buried in &mut self.buried {
            *buried = match *buried {
                Whether::No => whether,
                Whether::Perhaps if whether == Whether::Yes => whether,
                Whether::Yes | Whether::Perhaps => *buried,
            };
        }
    }

    /// Takes note of what a server may know after one of two requests that were sent at
    /// the same time.
    pub(crate) fn knows_after_race(&mut self, server: usize, request: &Request, answer: &Answer) {
        if let Request::Create(_) = request {
            self.knows(server, request, Some(answer));
        }
    }

    /// Takes note of what a server knows after a request for this upload.
    pub(crate) fn knows(&mut self, server: usize, request: &Request, answer: Option<&Answer>) {
        let is_absent = self.is_absent();
        let buried = &mut self.buried[server];
        match (request, answer) {
            (Request::Create(_), Some(answer)) if answer.id().is_some() => *buried = Whether::No,
            // It may have been there for a moment.
            (Request::Create(_), _) if *buried == Whether::Yes => *buried = Whether::Perhaps,
            (Request::Create(_), _) | (_, None) => {}
            (_, Some(answer)) if is_absent => match answer.status {
                404 => *buried = Whether::No,
                410 => *buried = Whether::Yes,
                _ => {}
            },
            _ => {}
        }
    }
}
