//! The end of each case: what is there is complete, and can be completed, created
//! again and removed, and nothing is left of it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::actions::{Framing, Moment, Ruling, Sum, Via};
use crate::driver::{Driver, Fault};
use crate::harness::PATIENCE;
use crate::harness::tus::Version;
use crate::model::State;
use crate::plan::Plan;
use crate::request::{Answer, Content, Load, NewLength, Request};
use crate::wire::{self, Head};

/// The age from which a sweep removes leftovers.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Driver {
    /// Asks for each upload, and carries it to its end.
    pub(crate) async fn audit(&mut self) -> Result<(), Fault> {
        self.let_go();
        self.set_clock(0).await?;
        for moment in [Moment::Create, Moment::Finish, Moment::Terminate] {
            self.rule(moment, Ruling::Agree);
        }
        for entry in 0..self.entries.len() {
            self.look(entry).await?;
            if let Some(request) = self.rest(entry) {
                self.carry_out(Via::PLAIN, Plan::of(entry, request)).await?;
                self.look(entry).await?;
            }
        }
        for entry in 0..self.entries.len() {
            self.carry_out(Via::PLAIN, Plan::of(entry, Request::Delete))
                .await?;
            self.carry_out(Via::PLAIN, Plan::head(entry)).await?;
        }
        self.fill().await?;
        if !self.may_leave_files {
            self.is_empty("all uploads were removed").await?;
        }
        self.remove_unknown().await?;
        // As if a day had passed, since a sweep leaves alone what is new.
        self.world.make_all_older();
        self.world.sweep(DAY).await?;
        self.is_empty("a sweep").await
    }

    async fn is_empty(&self, after: &str) -> Result<(), Fault> {
        let begin = Instant::now();
        loop {
            let names = self.world.names().unwrap_or_default();
            if names.is_empty() {
                return Ok(());
            }
            // Servers that sweep hold a lock for a moment.
            let are_locks = names.iter().all(|name| name.ends_with(".lock"));
            if !are_locks || begin.elapsed() > PATIENCE {
                return Err(format!("{names:?} is left after {after}"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Removes the uploads whose ids only a torn request would have told.
    async fn remove_unknown(&self) -> Result<(), Fault> {
        let names = self.world.names().unwrap_or_default();
        for id in names.iter().filter_map(|name| name.strip_suffix(".info")) {
            let head = Head::of(&Request::Delete, id);
            let address = self.world.address(0);
            let answer = wire::ask(address, Version::Http1, head, None).await;
            // What was half created or half removed is no upload.
            let is_gone = |answer: &Answer| matches!(answer.status, 204 | 404 | 410);
            if !answer.as_ref().is_some_and(is_gone) {
                return Err(format!("the DELETE of {id} was answered with {answer:?}"));
            }
        }
        Ok(())
    }

    /// Takes all the room of a quota, which has to be free again.
    async fn fill(&mut self) -> Result<(), Fault> {
        let Some(quota) = self.conditions.quota.clone() else {
            return Ok(());
        };
        // Of nobody, and of each owner.
        for _ in 0..3 {
            self.planner.change_owner();
            let content = Content::Sent(NewLength::Known(quota.largest()), None);
            let known = self.entries.len();
            let plan = Plan::unnamed(self.planner.creation(None, None, content));
            self.carry_out(Via::PLAIN, plan).await?;
            for entry in known..self.entries.len() {
                let delete = Plan::of(entry, Request::Delete);
                self.carry_out(Via::PLAIN, delete).await?;
            }
        }
        Ok(())
    }

    async fn look(&mut self, entry: usize) -> Result<(), Fault> {
        self.carry_out(Via::PLAIN, Plan::head(entry)).await?;
        self.carry_out(Via::PLAIN, Plan::of(entry, Request::Get(None)))
            .await
    }

    /// Returns the request that completes an upload, or creates it again: no id is
    /// stuck.
    fn rest(&mut self, entry: usize) -> Option<Request> {
        match self.entries[entry].likely() {
            State::Absent if self.conditions.decides => {
                let content = Content::Sent(NewLength::Known(3), None);
                let id = Some(self.entries[entry].id.clone());
                Some(self.planner.creation(id, None, content))
            }
            State::Absent | State::Pending(_) => None,
            State::Present(stored) if stored.about.is_final() => None,
            State::Present(stored) => {
                let offset = stored.offset();
                let missing = stored.length.map_or(1, |length| length - offset);
                let load = Load {
                    bytes: self
                        .planner
                        .bytes(usize::try_from(missing).expect("it is small")),
                    framing: Framing::Announced,
                    sum: Sum::Absent,
                    pieces: 1,
                };
                let length = Some(offset + missing);
                Some(Request::Append {
                    offset,
                    length,
                    load,
                })
            }
        }
    }

    /// Returns a fault with all that led to it.
    pub(crate) fn explain(&self, fault: &Fault) -> String {
        let mut text = format!("{fault}\n\nThe requests were:\n");
        for line in &self.log {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}
