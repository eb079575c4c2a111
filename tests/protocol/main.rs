//! The protocol suite, run over a socket against our server in every
//! configuration, over HTTP/1.1 and HTTP/2, or against any other server.
//! ```text
//! cargo test --all-features --test protocol
//! TUS_URL=http://127.0.0.1:8080/files/ cargo test --all-features --test protocol
//! TUS_URL=http://127.0.0.1:8080/files/ cargo test --all-features --test protocol CHK
//! ```
//!
//! Finally prints a table with the result of each statement of the protocol. A
//! statement about an extension that a server does not list is not applicable
//! to it; for our server that is a failure. Where the protocol leaves a
//! decision open, another server may decide differently without failing.
//!
//! Each check creates its own uploads, and does not remove them.

#[path = "../harness/mod.rs"]
mod harness;

mod check;
mod peer;
mod report;
mod sending;
mod server;
mod statements;

mod checksum;
mod checksum_trailer;
mod concatenation;
mod creation;
mod creation_with_upload;
mod cuts;
mod defer_length;
mod digests;
mod discovery;
mod expiration;
mod head;
mod metadata;
mod method_override;
mod open;
mod parts;
mod patch;
mod termination;
mod unfinished;
mod versions;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;

use check::Check;
use harness::tus::Version;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use peer::Peer;
use report::{Report, Verdict};
use server::Server;
use tokio::runtime;

const CHECKS: &[&[Check]] = &[
    discovery::CHECKS,
    versions::CHECKS,
    method_override::CHECKS,
    head::CHECKS,
    patch::CHECKS,
    cuts::CHECKS,
    creation::CHECKS,
    metadata::CHECKS,
    creation_with_upload::CHECKS,
    defer_length::CHECKS,
    checksum::CHECKS,
    checksum_trailer::CHECKS,
    expiration::CHECKS,
    termination::CHECKS,
    concatenation::CHECKS,
    unfinished::CHECKS,
    open::CHECKS,
];

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let servers = runtime::Runtime::new().expect("the servers have a runtime");
    let peers = match std::env::var("TUS_URL") {
        Err(_) => servers.block_on(server::ours()),
        Ok(url) => match servers.block_on(server::foreign(&url)) {
            Ok(server) => vec![server],
            Err(why) => {
                eprintln!("TUS_URL={url}: {why}");
                return ExitCode::FAILURE;
            }
        },
    };
    let report = Arc::new(Report::default());
    let peers = peers.into_iter().map(Arc::new).enumerate();
    let trials = peers.flat_map(|(place, server)| trials(place, &server, &report));
    let conclusion = libtest_mimic::run(&args, trials.collect());
    if conclusion.num_passed + conclusion.num_failed > 0 && !args.list {
        println!("{report}");
    }
    conclusion.exit_code()
}

/// Returns all checks of a server, for every HTTP version that it supports.
fn trials(place: usize, server: &Arc<Server>, report: &Arc<Report>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &version in &server.versions {
        let checks = CHECKS.iter().copied().flatten();
        for check in checks.filter(|check| server.is_for(check)) {
            let (server, report) = (Arc::clone(server), Arc::clone(report));
            let http = match version {
                Version::Http1 => "http1",
                Version::Http2 => "http2",
            };
            let name = format!("{}/{http}/{}", server.name, check.title());
            trials.push(Trial::ignorable_test(name, move || {
                let (verdict, result) = run(check, &server, version);
                for id in check.ids() {
                    report.add(id, (place, server.name, version), verdict);
                }
                result
            }));
        }
    }
    trials
}

fn run(
    check: &Check,
    server: &Arc<Server>,
    version: Version,
) -> (Verdict, Result<Completion, Failed>) {
    if let Some(missing) = check.needs().find(|need| !server.offers.contains(*need)) {
        return match server.ours {
            Some(lacks) if !lacks.contains(&missing) => {
                let why = format!("{missing} is not offered, though it is ours to offer");
                (Verdict::Fail, Err(why.into()))
            }
            _ => {
                let why = format!("{missing} is not offered");
                (Verdict::NotApplicable, Ok(Completion::ignored_with(why)))
            }
        };
    }
    let peer = Arc::clone(server);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the check has a runtime");
        runtime.block_on(async { (check.run)(Peer::new(peer, version)).await });
    }));
    let is_open = check.ids().all(|id| id.starts_with("AMB"));
    match panics {
        Ok(()) => (Verdict::Pass, Ok(Completion::Completed)),
        Err(_) if is_open && server.ours.is_none() => {
            let otherwise = Completion::ignored_with("decided otherwise");
            (Verdict::DecidedOtherwise, Ok(otherwise))
        }
        Err(_) => (Verdict::Fail, Err("the output above tells why".into())),
    }
}
