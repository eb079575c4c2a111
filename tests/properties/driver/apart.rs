//! Requests that are not sent as a whole and awaited, one after the other: they are cut
//! off, stay open, meet another request, or the death of their server.

use std::time::Duration;

use crate::actions::{Ask, Ending, Portion, Via};
use crate::model::{Conditions, State, Torn, Verdict, Whether, is_needed};
use crate::open::{Begun, Open};
use crate::plan::{Plan, Subject};
use crate::request::Request;
use crate::wire;

use super::{Driver, Fault};

/// A request that is open.
pub(super) struct Held {
    pub(super) server: usize,
    entry: usize,
    request: Request,
    /// The states of the upload before it.
    before: Vec<State>,
    open: Open,
    /// Whether another request has made it end.
    has_ended: bool,
}

impl Held {
    /// Whether it holds this upload, and nothing has made it end.
    pub(super) fn is_live_for(&self, entry: usize) -> bool {
        self.entry == entry && !self.has_ended
    }
}

impl Driver {
    pub(super) async fn cut(
        &mut self,
        via: Via,
        ask: &Ask,
        portion: Portion,
        ending: Ending,
    ) -> Result<(), Fault> {
        let Some((plan, server, mut open)) = self.begin(via, ask).await? else {
            return Ok(());
        };
        let bytes = portion.of(plan.request.load().map_or(0, |load| load.bytes.len()));
        self.log.push(format!(
            "{server}: {plan:?}\n    cut after {bytes} bytes, {ending:?}"
        ));
        open.send(bytes).await;
        open.cut(ending);
        self.torn(&plan, server, Torn::After(bytes));
        Ok(())
    }

    pub(super) async fn hold(
        &mut self,
        via: Via,
        ask: &Ask,
        portion: Portion,
    ) -> Result<(), Fault> {
        let Some((plan, server, mut open)) = self.begin(via, ask).await? else {
            return Ok(());
        };
        let bytes = portion.of(plan.request.load().map_or(0, |load| load.bytes.len()));
        open.send(bytes).await;
        let Subject::Known(entry) = plan.subject else {
            self.torn(&plan, server, Torn::After(bytes));
            return Ok(());
        };
        self.log
            .push(format!("{server}: {plan:?}\n    held after {bytes} bytes"));
        let before = self.entries[entry].states.clone();
        self.torn(&plan, server, Torn::After(bytes));
        self.held.push_back(Held {
            server,
            entry,
            request: plan.request,
            before,
            open,
            has_ended: false,
        });
        Ok(())
    }

    /// Sends the head of a request whose body is going to stop in the middle. A
    /// request without bytes is carried out as a whole.
    async fn begin(&mut self, via: Via, ask: &Ask) -> Result<Option<(Plan, usize, Open)>, Fault> {
        let Some(plan) = self.plan(ask).await? else {
            return Ok(None);
        };
        let (head, load) = self.message(&plan);
        let Some(load) = load.filter(|load| !load.bytes.is_empty()) else {
            return self.carry_out(via, plan).await.map(|()| None);
        };
        let server = self.server(via);
        self.settle_elsewhere(&plan, server).await?;
        self.locks(&plan);
        match Open::begin(self.world.address(server), &head, load).await {
            Begun::Open(open) => Ok(Some((plan, server, open))),
            Begun::Answered(answer) if self.may_be_beaten() && answer.was_beaten() => {
                self.come_back(plan, server, &answer).await.map(|()| None)
            }
            Begun::Answered(answer) => self.answered(&plan, server, &answer).map(|()| None),
        }
    }

    /// Sends two requests at the same time. Their answers are those of one after the
    /// other, in either order; the first may have been ended by the second.
    pub(super) async fn race(&mut self, asks: &[(Via, Ask); 2]) -> Result<(), Fault> {
        let [(via, ask), (other_via, other)] = asks;
        if self.conditions.is_born_expired() && other.creates() {
            return Ok(());
        }
        let Some(plan) = self.plan(ask).await? else {
            return Ok(());
        };
        let Subject::Known(entry) = plan.subject else {
            return self.carry_out(*via, plan).await;
        };
        let other = self.planner.beside(other, entry, &self.entries);
        let deletes = [&plan, &other].map(|plan| matches!(plan.request, Request::Delete));
        let is_awaited = is_needed(entry, &self.entries, &self.conditions) != Whether::No;
        if is_awaited && deletes != [false, false] {
            // The other one may complete it, and then a final consists of what is gone.
            return self.carry_out(*via, plan).await;
        }
        let creates = [&plan, &other].map(|plan| matches!(plan.request, Request::Create(_)));
        if creates != [false, false] && !self.entries[entry].is_certain() {
            // Whose upload the other request is for has to be known.
            self.carry_out(Via::PLAIN, Plan::head(entry)).await?;
        }
        let servers = [*via, *other_via].map(|via| self.server(via));
        for server in servers {
            self.settle_elsewhere(&plan, server).await?;
        }
        self.locks(&plan);
        self.locks(&other);
        let sent = [(*via, &plan), (*other_via, &other)].map(|(via, plan)| {
            let (head, load) = self.message(plan);
            let address = self.world.address(self.server(via));
            wire::ask(address, via.version, head, load)
        });
        let [first, second] = sent;
        let (first, second) = tokio::join!(first, second);
        let (Some(first), Some(second)) = (first, second) else {
            return Err(format!("{plan:?} or {other:?} was not answered"));
        };
        self.log.push(format!(
            "at once {plan:?}\n    {first:?}\n    {other:?}\n    {second:?}"
        ));
        self.tally.count(&plan.request, first.status);
        self.tally.count(&other.request, second.status);
        let requests = [&plan.request, &other.request];
        // Each reserves what it may need before the other one is done.
        let taken = requests.iter().map(|request| request.charge()).sum();
        let most = self.entries[entry].most_charged() + taken;
        let conditions = [0, 1].map(|side| {
            let asked = [requests[side], requests[1 - side]];
            let mut conditions = self.conditions_among(entry, servers[side], asked);
            conditions.is_apart = self.is_bucket && servers[0] != servers[1];
            conditions.take_room(taken);
            // The other one may complete it, and then no final needs it any more.
            if conditions.is_needed == Whether::Yes {
                conditions.is_needed = Whether::Perhaps;
            }
            conditions
        });
        let [one, two] = &conditions;
        let race = [(requests[0], &first, one), (requests[1], &second, two)];
        self.entries[entry].raced(race)?;
        for (server, (request, answer, conditions)) in servers.into_iter().zip(race) {
            self.entries[entry].knows_after_race(server, request, answer);
            self.perhaps_evicted(Some(entry), most, conditions);
        }
        Ok(())
    }

    pub(super) async fn release(&mut self) -> Result<(), Fault> {
        let Some(held) = self.held.pop_front() else {
            return Ok(());
        };
        let answer = held.open.finish().await;
        let id = &self.entries[held.entry].id;
        self.log.push(format!("    released {id}: {answer:?}"));
        if held.has_ended {
            // The bytes that came afterwards are not stored.
            return match answer.filter(|answer| answer.status < 300) {
                Some(answer) => Err(format!("{:?}: a late {answer:?}", held.request)),
                None => Ok(()),
            };
        }
        let Some(answer) = answer else {
            return Err(format!("{:?} was not answered", held.request));
        };
        // It was allowed before it was held.
        let conditions = Conditions {
            create: Verdict::Agrees,
            ..self.conditions_of(held.entry, held.server, &held.request)
        };
        let entry = &mut self.entries[held.entry];
        entry.states = held.before;
        entry.answered_late(&held.request, &answer, &conditions)
    }

    pub(super) async fn kill(&mut self, via: Via, ask: &Ask, after: Duration) -> Result<(), Fault> {
        let Some(plan) = self.plan(ask).await? else {
            return Ok(());
        };
        // Otherwise nobody knows whether the request of a dead server has ended it.
        if let Subject::Known(entry) = plan.subject
            && self.held.iter().any(|held| held.is_live_for(entry))
        {
            self.carry_out(via, Plan::head(entry)).await?;
        }
        let server = self.server(via);
        self.settle_elsewhere(&plan, server).await?;
        let (head, load) = self.message(&plan);
        let address = self.world.address(server);
        let asking = tokio::spawn(wire::ask(address, via.version, head, load));
        tokio::time::sleep(after).await;
        self.world.kill(server).await;
        self.tally.kills += 1;
        self.end_of(|held| held.server == server);
        self.may_leave_files = true;
        match asking.await.expect("it does not panic") {
            Some(answer) => self.answered(&plan, server, &answer)?,
            None => {
                self.log
                    .push(format!("{server}: {plan:?}\n    killed after {after:?}"));
                self.torn(&plan, server, Torn::Killed);
            }
        }
        self.forgets(server);
        self.world.start_again(server).await;
        Ok(())
    }

    /// Ends all requests that are open, by asking for their uploads.
    pub(super) async fn end_held(&mut self) -> Result<(), Fault> {
        let live = self.held.iter().filter(|held| !held.has_ended);
        let entries: Vec<_> = live.map(|held| held.entry).collect();
        for entry in entries {
            Box::pin(self.carry_out(Via::PLAIN, Plan::head(entry))).await?;
        }
        Ok(())
    }

    /// Notes that a request ends those that hold its upload.
    pub(super) fn locks(&mut self, plan: &Plan) {
        if let (Subject::Known(entry), true) = (plan.subject, plan.request.locks()) {
            self.end_of(|held| held.entry == entry);
        }
    }

    pub(super) fn end_of(&mut self, ends: impl Fn(&Held) -> bool) {
        for held in self.held.iter_mut().filter(|held| ends(held)) {
            held.has_ended = true;
        }
    }

    /// Disconnects all requests that are open.
    pub(crate) fn let_go(&mut self) {
        for held in self.held.drain(..) {
            held.open.cut(Ending::Fin);
        }
    }
}
