//! Carries out the actions of a case, and compares each answer with the model.

mod apart;
mod eviction;
mod expiry;

use std::collections::VecDeque;
use std::time::Duration;

use self::apart::Held;
use crate::actions::{Action, Ask, Case, Ground, Moment, Ruling, Via};
use crate::model::{Conditions, Entry, Torn, is_needed};
use crate::plan::{Plan, Planner, Subject};
use crate::request::{Answer, Load, Owner, Request};
use crate::tally::Tally;
use crate::wire::{self, Head};
use crate::world::World;

/// Nobody is that unlucky.
const MOST_BEATEN: u32 = 5;

/// A broken promise.
pub(crate) type Fault = String;

pub(crate) struct Driver {
    pub(crate) world: World,
    pub(crate) servers: usize,
    is_bucket: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) conditions: Conditions,
    pub(crate) planner: Planner,
    held: VecDeque<Held>,
    /// How many requests in a row another server has beaten.
    beaten: u32,
    /// Whether uploads may exist, or remains of them, that the model does not know.
    pub(crate) may_leave_files: bool,
    /// How many bytes uploads may be charged that the model does not know.
    unknown: u64,
    /// The requests so far, for the message of a failure.
    pub(crate) log: Vec<String>,
    pub(crate) tally: Tally,
}

impl Driver {
    pub(crate) async fn start(case: &Case) -> Self {
        let form = case.form;
        Self {
            world: World::start(form).await,
            servers: form.servers,
            is_bucket: form.ground == Ground::Bucket,
            entries: Vec::new(),
            conditions: Conditions::new(form),
            planner: Planner::new(form),
            held: VecDeque::new(),
            beaten: 0,
            may_leave_files: false,
            unknown: 0,
            log: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) async fn act(&mut self, action: &Action) -> Result<(), Fault> {
        self.tally.actions += 1;
        self.meanwhile();
        self.take(action).await?;
        self.catch_up();
        self.expired().await
    }

    async fn take(&mut self, action: &Action) -> Result<(), Fault> {
        match action {
            Action::Ask(via, ask) => self.ask(*via, ask).await,
            // A request that goes on behind the client's back removes others whenever it likes.
            Action::Cut(via, ask, ..) | Action::Hold(via, ask, _) if self.conditions.evicts() => {
                self.ask(*via, ask).await
            }
            Action::Cut(via, ask, portion, ending) => self.cut(*via, ask, *portion, *ending).await,
            Action::Hold(via, ask, portion) => self.hold(*via, ask, *portion).await,
            Action::Release => self.release().await,
            Action::Race(asks) => self.race(asks).await,
            Action::Restart(server) => {
                let server = usize::from(server.0) % self.servers;
                self.log.push(format!("restart {server}"));
                self.end_of(|held| held.server == server);
                self.world.restart(server).await;
                self.forgets(server);
                Ok(())
            }
            Action::Kill(via, ask, after) => {
                self.kill(*via, ask, Duration::from_micros((*after).into()))
                    .await
            }
            Action::Clock(days) => self.set_clock(*days).await,
            Action::Age(days) => self.age(*days).await,
            Action::Sweep => {
                self.log.push("sweep".to_owned());
                self.world.sweep(Duration::ZERO).await
            }
            Action::Rule(moment, ruling) => {
                self.rule(*moment, *ruling);
                Ok(())
            }
        }
    }

    pub(crate) fn rule(&mut self, moment: Moment, ruling: Ruling) {
        if !self.conditions.decides {
            return;
        }
        self.log.push(format!("{moment:?}: {ruling:?}"));
        self.meanwhile();
        let verdict = self.world.rule(moment, ruling);
        match moment {
            Moment::Create => self.conditions.create = verdict,
            Moment::Finish => self.conditions.finish = verdict,
            Moment::Terminate => self.conditions.terminate = verdict,
        }
    }

    async fn ask(&mut self, via: Via, ask: &Ask) -> Result<(), Fault> {
        let Some(plan) = self.plan(ask).await? else {
            return Ok(());
        };
        self.carry_out(via, plan).await
    }

    /// Sends a request, and compares its answer.
    pub(crate) async fn carry_out(&mut self, via: Via, plan: Plan) -> Result<(), Fault> {
        let server = self.server(via);
        self.settle_elsewhere(&plan, server).await?;
        self.locks(&plan);
        let (head, load) = self.message(&plan);
        let answer = wire::ask(self.world.address(server), via.version, head, load).await;
        let Some(answer) = answer else {
            return Err(format!("{plan:?} was not answered"));
        };
        if self.may_be_beaten() && answer.was_beaten() {
            return self.come_back(plan, server, &answer).await;
        }
        let before = self.those_that_go_first(&plan);
        self.answered(&plan, server, &answer)?;
        self.has_evicted_the_oldest(&before).await
    }

    /// Whether a server may change uploads by itself while another one serves a request.
    fn may_be_beaten(&self) -> bool {
        self.is_bucket && self.servers > 1 && self.conditions.asks_by_itself
    }

    /// Asks what has become of a request whose upload another server has changed.
    async fn come_back(&mut self, plan: Plan, server: usize, answer: &Answer) -> Result<(), Fault> {
        self.log.push(format!("{server}: {plan:?}\n    {answer:?}"));
        self.beaten += 1;
        if self.beaten > MOST_BEATEN {
            return Err(format!("{plan:?} is beaten again and again"));
        }
        let bytes = plan.request.load().map_or(0, |load| load.bytes.len());
        self.torn(&plan, server, Torn::After(bytes));
        let Some(entry) = plan.subject.known() else {
            return Ok(());
        };
        Box::pin(self.carry_out(Via::to(server), Plan::head(entry))).await?;
        self.beaten = 0;
        Ok(())
    }

    async fn plan(&mut self, ask: &Ask) -> Result<Option<Plan>, Fault> {
        // A final consists of what its parts are, so this has to be known.
        if self.conditions.is_born_expired() && ask.creates() {
            return Ok(None);
        }
        match ask {
            Ask::Join(..) => {
                // It would end requests that hold its parts, unless it is refused.
                self.end_held().await?;
                self.settle().await?;
            }
            _ => self.settle_finals().await?,
        }
        Ok(self.planner.plan(ask, &mut self.entries, &self.conditions))
    }

    async fn settle_finals(&mut self) -> Result<(), Fault> {
        match self.entries.iter().any(|entry| entry.pending().is_some()) {
            true => self.settle().await,
            false => Ok(()),
        }
    }

    /// Asks for the state of all uploads that are in one of several.
    async fn settle(&mut self) -> Result<(), Fault> {
        for entry in 0..self.entries.len() {
            if !self.entries[entry].is_certain() {
                Box::pin(self.carry_out(Via::PLAIN, Plan::head(entry))).await?;
                self.catch_up();
            }
        }
        Ok(())
    }

    /// Waits for a request at another server whose client has left. In a bucket nobody else
    /// does: whoever is first to replace the state wins.
    async fn settle_elsewhere(&mut self, plan: &Plan, server: usize) -> Result<(), Fault> {
        let entry = plan.subject.known();
        let left_at = entry.and_then(|entry| self.entries[entry].left_at);
        match (entry, left_at) {
            (Some(entry), Some(left_at)) if left_at != server => {
                Box::pin(self.carry_out(Via::to(left_at), Plan::head(entry))).await
            }
            _ => Ok(()),
        }
    }

    /// Notes what servers may have done by themselves meanwhile.
    fn meanwhile(&mut self) {
        for entry in &mut self.entries {
            entry.perhaps_asked(&self.conditions);
        }
        self.catch_up();
        self.perhaps_expired();
    }

    /// Applies to finals what has happened to their parts.
    pub(crate) fn catch_up(&mut self) {
        for entry in 0..self.entries.len() {
            if self.entries[entry].pending().is_some() {
                let states = self.entries[entry].caught_up(&self.entries, &self.conditions);
                self.entries[entry].settle(states);
            }
        }
    }

    /// Returns what a request to a server for this upload depends on.
    fn conditions_of(&self, entry: usize, server: usize, request: &Request) -> Conditions {
        self.conditions_among(entry, server, [request, request])
    }

    /// Like [`conditions_of`](Self::conditions_of), for the first of two requests that
    /// are sent at the same time.
    fn conditions_among(
        &self,
        entry: usize,
        server: usize,
        [request, beside]: [&Request; 2],
    ) -> Conditions {
        let owner = match request {
            Request::Create(_) => request.owner(),
            _ if self.entries[entry].is_absent() => beside.owner(),
            _ => self.entries[entry].owner(),
        };
        Conditions {
            is_needed: is_needed(entry, &self.entries, &self.conditions),
            is_buried: self.entries[entry].buried[server],
            ..self.conditions_beside(entry, owner)
        }
    }

    /// Returns what a request depends on that is not for any of the other uploads.
    fn conditions_beside(&self, entry: usize, owner: Option<Owner>) -> Conditions {
        let mut conditions = self.conditions.clone();
        let Some(quota) = &mut conditions.quota else {
            return conditions;
        };
        quota.limits = quota.limits_of(owner);
        for limit in &mut quota.limits {
            let others = self.entries.iter().enumerate();
            let others = others.filter(|(other, _)| *other != entry);
            let (mut least, mut most) = (0_u64, self.unknown);
            for (_, other) in others {
                let charge = other.charge(limit, quota.evicts);
                least += charge.start();
                most = most.saturating_add(*charge.end());
            }
            limit.others = least..=most;
        }
        conditions
    }

    fn message(&self, plan: &Plan) -> (Head, Option<Load>) {
        let id = match plan.subject {
            Subject::Known(entry) => &*self.entries[entry].id,
            Subject::Unnamed => "",
        };
        (Head::of(&plan.request, id), plan.request.load().cloned())
    }

    fn server(&self, via: Via) -> usize {
        usize::from(via.server.0) % self.servers
    }

    fn answered(&mut self, plan: &Plan, server: usize, answer: &Answer) -> Result<(), Fault> {
        self.log.push(format!("{server}: {plan:?}\n    {answer:?}"));
        self.tally.count(&plan.request, answer.status);
        let (entry, conditions) = match plan.subject {
            Subject::Known(entry) => {
                self.meanwhile();
                let conditions = self.conditions_of(entry, server, &plan.request);
                (&mut self.entries[entry], conditions)
            }
            Subject::Unnamed => {
                let conditions = self.conditions_beside(usize::MAX, plan.request.owner());
                (&mut Entry::new(String::new()), conditions)
            }
        };
        let most = entry.most_charged() + plan.request.charge();
        entry.answered(&plan.request, answer, &conditions)?;
        entry.knows(server, &plan.request, Some(answer));
        if entry.left_at == Some(server) && plan.request.locks() {
            entry.left_at = None;
        }
        if let (Subject::Unnamed, Some(id)) = (plan.subject, answer.id()) {
            let states = std::mem::take(&mut entry.states);
            let entry = Entry::new(id);
            self.entries.push(Entry { states, ..entry });
            self.perhaps_evicted(Some(self.entries.len() - 1), most, &conditions);
            return Ok(());
        }
        self.perhaps_evicted(plan.subject.known(), most, &conditions);
        Ok(())
    }

    fn torn(&mut self, plan: &Plan, server: usize, torn: Torn) {
        self.tally.torn += 1;
        // The server may not be done with it for a while.
        self.unknown += plan.request.charge();
        match plan.subject {
            Subject::Known(entry) => {
                let conditions = self.conditions_of(entry, server, &plan.request);
                let most = self.entries[entry].most_charged() + plan.request.charge();
                self.perhaps_evicted(Some(entry), most, &conditions);
                let entry = &mut self.entries[entry];
                entry.torn(&plan.request, torn, &conditions);
                entry.knows(server, &plan.request, None);
                entry.left_at = self.is_bucket.then_some(server);
            }
            Subject::Unnamed => {
                let conditions = self.conditions_beside(usize::MAX, plan.request.owner());
                self.perhaps_evicted(None, plan.request.charge(), &conditions);
                // Nobody knows its id.
                self.may_leave_files = true;
            }
        }
    }
}
