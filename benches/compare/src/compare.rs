//! Rounds: in each, every server has one turn, and the order rotates.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;
use crate::client::{Connection, Payload, Target};
use crate::homes::Homes;
use crate::load::{Plan, bulk, closed, trickle};
use crate::machine::Machine;
use crate::options::What;
use crate::peer::{Peer, Programs};
use crate::report::{Outcome, Report};
use crate::sample::{Metric, Sample};
use crate::scenario::{self, Contender, Load, Scenario};
use crate::server::Server;
use crate::{crowd, homes, interrupt, stack, stall};

const WARM_UP: Duration = Duration::from_secs(1);
/// Number of uploads in a directory that is made once for all rounds.
const KEPT: u64 = 100_000;
/// More bytes than anybody uploads in the time of a run.
const ROOM: u64 = 1 << 40;

/// Measures, and writes the results.
pub(crate) fn run(what: &What) -> Result<()> {
    let scenarios = scenario::chosen(&what.scenarios)?;
    raise_open_files()?;
    interrupt::catch()?;
    let programs = Programs::find(what)?;
    fs::create_dir_all(&what.dir)?;
    fs::create_dir_all(&what.out)?;
    let mut report = Report::new(Machine::here(&what.dir), what);
    eprintln!("{}", report.machine.line());
    let skipped = skipped(&programs, &what.peers);
    let homes = Homes::within(&what.dir)?;
    for scenario in scenarios {
        let stalls = |one: &Contender| matches!(one.load, Load::Stall);
        if scenario.contenders.iter().any(stalls) && !stall::is_possible() {
            continue;
        }
        let has_bucket = |one: &Contender| one.has_bucket;
        if scenario.contenders.iter().any(has_bucket) && !programs.has_gateway() {
            continue;
        }
        if scenario.contenders.is_empty() {
            report.stack = Some(stack::run()?);
        } else {
            let outcome = compare(&scenario, &programs, what, &skipped, &homes)?;
            report.outcomes.push(outcome);
        }
        // After each, so that an interrupted run leaves what it has measured.
        report.write(&what.out)?;
    }
    println!("{}", report.markdown());
    eprintln!("written to {}", what.out.display());
    match report.failures() {
        0 => Ok(()),
        failures => Err(format!("{failures} runs failed").into()),
    }
}

/// Says which servers are not installed, and how to install them.
fn skipped(programs: &Programs, peers: &[Peer]) -> Vec<Peer> {
    let missing = |peer: &&Peer| match programs.missing(**peer) {
        Some(remedy) => {
            eprintln!("skipped: {} (install: {remedy})", peer.title());
            true
        }
        None => false,
    };
    peers.iter().filter(missing).copied().collect()
}

fn compare(
    scenario: &Scenario,
    programs: &Programs,
    what: &What,
    skipped: &[Peer],
    homes: &Homes,
) -> Result<Outcome> {
    let is_wanted = |contender: &&Contender| {
        let peer = contender.peer;
        peer.is_ours() || what.peers.contains(&peer) && !skipped.contains(&peer)
    };
    let contenders: Vec<_> = scenario.contenders.iter().filter(is_wanted).collect();
    let mut outcome = Outcome::new(scenario, &contenders);
    eprintln!("{}: {}", scenario.id, scenario.title);
    // A crowd takes a minute to make: it stays for all rounds and servers.
    let mut crowds = BTreeMap::new();
    for contender in &contenders {
        let uploads = contender.uploads;
        if uploads >= KEPT && !crowds.contains_key(&uploads) {
            crowds.insert(uploads, home(homes, what, uploads)?);
        }
    }
    for round in 0..what.rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let contender = contenders[index];
            let crowd = crowds.get(&contender.uploads);
            let run = measure(
                contender,
                crowd.map(PathBuf::as_path),
                programs,
                what,
                homes,
            );
            interrupt::check()?;
            eprintln!("  {round} {:<36} {}", contender.label, line(&run));
            outcome.add(index, run);
        }
    }
    Ok(outcome)
}

fn line(run: &Result<Sample>) -> String {
    let figure = |(metric, value): (&Metric, &f64)| format!("{} {value:.3}", metric.title());
    match run {
        Ok(sample) => sample.iter().map(figure).collect::<Vec<_>>().join(", "),
        Err(error) => format!("failed: {error}"),
    }
}

/// Makes a directory with uploads.
fn home(homes: &Homes, what: &What, uploads: u64) -> Result<PathBuf> {
    let home = homes.make()?;
    crowd::fill(&home.join("data"), uploads)?;
    settle(&what.dir);
    Ok(home)
}

/// Runs a server once, in a fresh directory unless one is given.
fn measure(
    contender: &Contender,
    crowd: Option<&Path>,
    programs: &Programs,
    what: &What,
    homes: &Homes,
) -> Result<Sample> {
    let fresh = match crowd {
        None => Some(home(homes, what, contender.uploads)?),
        Some(_) => None,
    };
    let home = crowd.or(fresh.as_deref()).ok_or("one of the two")?;
    let Contender { peer, wire, .. } = *contender;
    let start = || {
        Server::start(
            programs,
            peer,
            wire,
            what.durability,
            contender.has_bucket,
            home,
        )
    };
    let sample = match contender.load {
        Load::Stall => stall::run(home, peer, start),
        _ => start().and_then(|server| put(contender, &server, what)),
    };
    // What one server wrote must not cost the next one its disk.
    if let Some(home) = &fresh {
        homes::leave(home)?;
    }
    settle(&what.dir);
    sample
}

fn put(contender: &Contender, server: &Server, what: &What) -> Result<Sample> {
    let plan = |connections| Plan {
        connections,
        threads: what.load_threads(),
        // Thousands of connections take their time to open, and a server may look at the
        // whole directory when it starts.
        warm_up: WARM_UP
            + Duration::from_millis(4 * connections as u64)
            + Duration::from_micros(5 * contender.uploads),
        timed: what.timed(),
    };
    match &contender.load {
        &Load::Upload { uploads, bytes } => {
            bulk::run(server, &bulk::Work::Upload { bytes }, &plan(uploads))
        }
        &Load::Download { bytes } => {
            let path = place(contender.peer, server, bytes)?;
            bulk::run(server, &bulk::Work::Download { path, bytes }, &plan(1))
        }
        &Load::Downloads { bytes, connections } => {
            let path = place(contender.peer, server, bytes)?;
            let work = closed::Work::Download { path, bytes };
            closed::run(server, work, &plan(connections))
        }
        Load::Closed { work, connections } => {
            closed::run(server, work.clone(), &plan(*connections))
        }
        &Load::Resume { offset } => {
            let path = crowd::sparse(&server.data(), offset, offset + ROOM)?;
            let work = closed::Work::Chunks {
                chunk: 64 << 10,
                upload: offset + ROOM,
                start: Some((path, offset)),
            };
            closed::run(server, work, &plan(1))
        }
        Load::Stall => Err("a disk that hangs is there before the server".into()),
        Load::Trickle(trickle) => trickle::run(server, *trickle),
    }
}

/// Makes a file that can be downloaded, and returns its path.
pub(crate) fn place(peer: Peer, server: &Server, bytes: u64) -> Result<String> {
    if peer == Peer::Nginx {
        let mut file = fs::File::create(server.data().join("file"))?;
        for piece in Payload::of(bytes).pieces(1 << 20) {
            std::io::Write::write_all(&mut file, &piece)?;
        }
        return Ok("/files/file".to_owned());
    }
    let target = Target::of(server)?;
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(&target).await?;
        let path = connection.create(bytes).await?;
        connection.patch(&path, 0, Payload::of(bytes)).await?;
        Ok(path)
    })
}

/// Waits until the disk has nothing left to write.
fn settle(dir: &Path) {
    if let Ok(dir) = fs::File::open(dir) {
        // A file system that cannot sync has nothing to wait for.
        let _ = rustix::fs::syncfs(dir);
    }
}

/// Thousands of connections need as many descriptors, here and in the servers.
fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, limit)?)
}
