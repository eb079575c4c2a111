//! `kill -9` at random moments, while several clients create, append,
//! concatenate and delete. After each restart a sweep removes what the kill has left.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::audit::{Expected, carry_to_the_end, create_again, names};
use crate::harness::{Server, Signal};
use crate::ledger::Ledger;
use crate::load::Load;
use crate::random::Random;
use crate::site::{DURABILITIES, Site};
use crate::sweeps::{Swept, sweep};

/// Kills a server `kills` times, with each durability in turn, and compares
/// after each restart what it has with what it has answered.
async fn kill(kills: usize) {
    let begin = Instant::now();
    let home = TempDir::new().unwrap();
    let site = Site::new(home.path()).await;
    let data = home.path().join("data");
    let (ledger, mut random) = (Ledger::default(), Random::new());
    println!("{random:?}");
    let (mut answers, mut cut) = (0, 0);
    let mut swept = Swept::new();
    let mut durabilities = DURABILITIES.iter().cycle();
    let mut next = || durabilities.next().expect("a cycle does not end");

    let (mut server, mut tus) = site.start(next()).await;
    for round in 0..kills {
        let load = Load::start(&tus, &ledger, &mut random);
        tokio::time::sleep(some_time(&mut random)).await;
        end(&mut server).await;
        answers += load.stop().await;

        (server, tus) = site.start(next()).await;
        let entries = ledger.copy();
        cut += entries.values().filter(|entry| entry.is_open()).count();
        let expected = Expected::all(entries);
        let mut found = expected.compare(&tus, &data).await;
        found.faults.extend(sweep(&data, &mut swept).await);
        for id in &found.absent {
            let left = names(&data, id);
            if !left.is_empty() {
                found.faults.push(format!("{id}: a sweep leaves {left:?}"));
            }
        }
        found
            .faults
            .extend(create_again(&tus, &data, &found.absent).await);
        assert!(
            found.faults.is_empty(),
            "round {round}: {:#?}",
            found.faults
        );
        ledger.settle(&found.present);
    }
    let entries = ledger.copy();
    let found = Expected::all(entries.clone()).compare(&tus, &data).await;
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    let faults = carry_to_the_end(&tus, &data, &found.present, &entries).await;
    assert!(faults.is_empty(), "{faults:#?}");
    end(&mut server).await;
    let faults = sweep(&data, &mut swept).await;
    assert!(faults.is_empty(), "{faults:#?}");
    let left: Vec<_> = crate::harness::names(&data);
    assert!(left.is_empty(), "all uploads were terminated: {left:?}");
    println!("swept away: {swept:?}");
    println!(
        "{kills} kills in {:.0?}: {answers} requests answered, {cut} cut off, \
         {} uploads carried to their end",
        begin.elapsed(),
        found.present.len()
    );
}

fn some_time(random: &mut Random) -> Duration {
    Duration::from_millis(random.within(5..150) as u64)
}

async fn end(server: &mut Server) {
    server.signal(Signal::KILL);
    server.exit().await;
}

#[tokio::test]
async fn thirty_kills_under_load_lose_nothing_that_was_answered_and_take_no_id() {
    kill(30).await;
}

#[tokio::test]
#[ignore = "takes minutes: .ci/disk runs it"]
async fn a_thousand_kills_under_load_lose_nothing_that_was_answered_and_take_no_id() {
    kill(1000).await;
}
