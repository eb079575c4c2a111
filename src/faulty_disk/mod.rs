//! Requests to a server whose disk fails: each call of each request fails once, with each
//! error.
//!
//! Whatever fails, the response is clear, nothing acknowledged is lost, and the upload can
//! be carried on to its end, or is gone in a way that tells the client to start again.
//! What is then finished is whole, also after a power cut.

mod ask;
mod server;

use http::StatusCode;
use rustix::io::Errno;

use self::ask::{ALL, Ask, Told};
use self::server::{Answer, Server};
use crate::fs::sim::{self, Call, Disk, Image, Kind, Verdict};
use crate::store::file::Durability;

const ERRORS: [Errno; 5] = [
    Errno::IO,
    Errno::NOSPC,
    Errno::DQUOT,
    Errno::INTR,
    Errno::STALE,
];

#[test]
fn no_call_that_fails_loses_what_was_acknowledged_under_none() {
    each_call_fails(Durability::None);
}

#[test]
fn no_call_that_fails_loses_what_was_acknowledged_under_finish() {
    each_call_fails(Durability::Finish);
}

#[test]
fn no_call_that_fails_loses_what_was_acknowledged_under_offset() {
    each_call_fails(Durability::Offset);
}

fn each_call_fails(durability: Durability) {
    let (mut failed, mut wrong) = (0, Vec::new());
    for ask in ALL {
        let disk = Disk::new();
        // Made once: it is the same for each call.
        let (told, before) = sim::run(async {
            let told = ask.prepare(&Server::start(&disk, durability)).await;
            (told, disk.image())
        });
        for error in ERRORS {
            let scene = Scene {
                disk: &disk,
                durability,
                ask,
                error,
            };
            for number in 1.. {
                match scene.fails_in(number, &told, &before) {
                    Ok(true) => failed += 1,
                    Ok(false) => break,
                    Err(why) => wrong.push(why),
                }
            }
        }
    }
    println!("{failed} calls failed under {durability}");
    assert!(
        wrong.is_empty(),
        "{} of {failed}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(failed > 1000, "only {failed} calls were made");
}

struct Scene<'a> {
    disk: &'a Disk,
    durability: Durability,
    ask: Ask,
    error: Errno,
}

impl Scene<'_> {
    /// Returns whether the request makes a call of this number, which then fails.
    fn fails_in(&self, number: usize, told: &Told, before: &Image) -> Result<bool, String> {
        self.disk.mount(before);
        let server = self.start();
        self.disk.fail(number, self.error);
        let answer = sim::run(self.ask.send(&server, told));
        let calls = self.disk.calls();
        let Some(call) = calls.get(number - 1) else {
            assert!(answer.status.is_success(), "{:?}: {answer:?}", self.ask);
            return Ok(false);
        };
        self.disk.rule(|_| Verdict::Pass);
        let after = self.disk.image();
        let in_scene = |why| {
            let Self {
                durability,
                ask,
                error,
                ..
            } = self;
            format!("{ask:?} under {durability}, {error} in call {number}, {call}: {why}")
        };
        if !self.is_clear(&answer, call) {
            return Err(in_scene(format!("the response is {answer:?}")));
        }
        let told = told.clone().and(self.ask, &answer);
        self.holds(&server, &told).map_err(in_scene)?;
        if !self.is_thorough() {
            return Ok(true);
        }
        self.disk.mount(&after);
        let restarted = self.holds(&self.start(), &told);
        restarted.map_err(|why| in_scene(format!("after a restart, {why}")))?;
        Ok(true)
    }

    /// The other errors differ only in what the client is told.
    fn is_thorough(&self) -> bool {
        matches!(self.error, Errno::IO | Errno::INTR)
    }

    fn start(&self) -> Server {
        Server::start(self.disk, self.durability)
    }

    /// Checks that what was told is true, and what is finished then is durable.
    fn holds(&self, server: &Server, told: &Told) -> Result<(), String> {
        sim::run(told.holds(server))?;
        if self.durability == Durability::None || !self.is_thorough() {
            return Ok(());
        }
        self.disk.least().iter().try_for_each(|cut| {
            self.disk.mount(&cut.image);
            let durable = sim::run(told.is_durable(&self.start()));
            durable.map_err(|why| format!("after a power cut ({cut}), {why}"))
        })
    }

    /// Whether a client can make sense of the answer.
    fn is_clear(&self, answer: &Answer, call: &Call) -> bool {
        let is_final = matches!(call.kind, Kind::Sync | Kind::SyncDir | Kind::Close);
        // An interrupted call is repeated, but for those that report an error only once.
        if self.error == Errno::INTR && !is_final {
            return answer.status.is_success();
        }
        let expected = match self.error {
            Errno::NOSPC | Errno::DQUOT => StatusCode::INSUFFICIENT_STORAGE,
            Errno::STALE => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        answer.status.is_success()
            || answer.status == expected
            // The directory of the uploads cannot be looked at.
            || answer.status == StatusCode::SERVICE_UNAVAILABLE
            // A finished upload that cannot be synced fails, whatever the reason.
            || is_final && answer.status == StatusCode::INTERNAL_SERVER_ERROR
    }
}
