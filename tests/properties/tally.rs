//! What was done, so that nobody has to guess what cases are made of.

use std::collections::BTreeMap;
use std::fmt;

use crate::request::{Content, New, Request};

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    pub(crate) actions: u64,
    pub(crate) torn: u64,
    pub(crate) kills: u64,
    /// How many uploads expired, and were removed for it by a server.
    pub(crate) expired: u64,
    /// How many of those whose order is known were removed to make room.
    pub(crate) evicted: u64,
    /// How often each kind of request was answered with each status.
    answers: BTreeMap<(&'static str, u16), u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, request: &Request, status: u16) {
        let kind = match request {
            Request::Create(New {
                content: Content::Joined(_),
                ..
            }) => "POST final",
            Request::Create(_) => "POST",
            Request::Append { .. } => "PATCH",
            Request::Head => "HEAD",
            Request::Get(_) => "GET",
            Request::Delete => "DELETE",
        };
        *self.answers.entry((kind, status)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.actions += other.actions;
        self.torn += other.torn;
        self.kills += other.kills;
        self.expired += other.expired;
        self.evicted += other.evicted;
        for (key, count) in &other.answers {
            *self.answers.entry(*key).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests: u64 = self.answers.values().sum();
        write!(
            f,
            "{} cases, {} actions, {requests} requests answered, {} not, {} kills, {} expired, {} evicted",
            self.cases, self.actions, self.torn, self.kills, self.expired, self.evicted
        )?;
        for ((kind, status), count) in &self.answers {
            write!(f, "; {kind} {status}: {count}")?;
        }
        Ok(())
    }
}
