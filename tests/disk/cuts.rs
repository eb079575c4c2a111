//! Power cuts on real file systems.
//!
//! A copy of the file system's image, made while clients are at work, is what
//! the disk would have after a power cut: all that the kernel has written so
//! far, and nothing that it only has in memory. It is mounted, which replays
//! the journal, and a server tells what is left.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::audit::{Expected, Found, Promises, carry_to_the_end, create_again, get};
use crate::harness::tus::content;
use crate::lab::{FileSystem, Lab};
use crate::ledger::{Ledger, pattern};
use crate::load::{Load, creation, url};
use crate::random::Random;
use crate::site::Site;

/// What a power cut leaves under each durability.
pub(crate) fn promises(durability: &str) -> Promises {
    Promises {
        offsets: durability == "offset",
        ends: durability != "none",
    }
}

/// Cuts the power of a server `cuts` times, compares what is left each time
/// with `promises`, and returns what was found.
async fn cut(
    lab: &Lab,
    file_system: FileSystem,
    durability: &str,
    promises: Promises,
    cuts: usize,
) -> Vec<Found> {
    let begin = Instant::now();
    lab.make(file_system).await;
    let disk = Site::under(lab.wrapper(), lab.home(), lab.inside("disk/data")).await;
    let (_server, tus) = disk.start(durability).await;
    let (ledger, mut random) = (Ledger::default(), Random::new());
    println!("{random:?}");
    let mut all = Vec::new();
    let (mut answers, mut copies) = (0, Duration::ZERO);
    for _ in 0..cuts {
        let load = Load::start(&tus, &ledger, &mut random);
        tokio::time::sleep(Duration::from_millis(random.within(50..400) as u64)).await;
        let before = ledger.copy();
        let copy = Instant::now();
        lab.cut().await;
        copies += copy.elapsed();
        let after = ledger.copy();
        answers += load.stop().await;

        let expected = Expected {
            before,
            after,
            promises,
        };
        all.push(look(lab, file_system, durability, &expected).await);
        ledger.forget_ended(&expected.before);
    }
    let present: usize = all.iter().map(|found| found.present.len()).sum();
    let absent: usize = all.iter().map(|found| found.absent.len()).sum();
    println!(
        "{file_system:?}, durability {durability}: {cuts} cuts in {:.0?} (copies {copies:.0?}): \
         {answers} requests answered, {present} uploads found, {absent} not",
        begin.elapsed(),
    );
    all
}

/// Tells what a cut has left, after the uploads were carried to their end.
pub(crate) async fn look(
    lab: &Lab,
    file_system: FileSystem,
    durability: &str,
    expected: &Expected,
) -> Found {
    lab.mount_cut(file_system).await;
    let site = Site::under(lab.wrapper(), lab.home(), lab.inside("cut/data")).await;
    let data = lab.outside("cut/data");
    let mut found = {
        let (mut server, tus) = site.start(durability).await;
        let mut found = expected.compare(&tus, &data).await;
        let faults = create_again(&tus, &data, &found.absent).await;
        found.faults.extend(faults);
        let faults = carry_to_the_end(&tus, &data, &found.present, &expected.after).await;
        found.faults.extend(faults);
        server.signal(crate::harness::Signal::KILL);
        server.exit().await;
        found
    };
    lab.discard_cut().await;
    found.faults.sort();
    found
}

async fn is_kept(file_system: FileSystem, durability: &str, cuts: usize) {
    let Some(lab) = Lab::open().await else {
        return;
    };
    let all = cut(&lab, file_system, durability, promises(durability), cuts).await;
    for (number, found) in all.iter().enumerate() {
        assert!(found.faults.is_empty(), "cut {number}: {:#?}", found.faults);
    }
}

/// Without it, the other tests would also pass with a copy that has what the
/// kernel has not written yet.
#[tokio::test]
async fn what_nothing_has_synced_is_lost_in_power_cuts() {
    let Some(lab) = Lab::open().await else {
        return;
    };
    let promises = promises("finish");
    let all = cut(&lab, FileSystem::Ext4, "none", promises, 2).await;
    let faults = all.iter().flat_map(|found| &found.faults);
    assert!(faults.count() > 0, "nothing was lost");
}

/// A file system may keep the size of a file in a power cut, and have blocks
/// in it that were never written. Once somebody has read them, the kernel takes
/// them for data.
async fn is_no_offset(file_system: FileSystem) {
    const LENGTH: usize = 100_000;
    let Some(lab) = Lab::open().await else {
        return;
    };
    lab.make(file_system).await;
    let site = Site::under(lab.wrapper(), lab.home(), lab.inside("disk/data")).await;
    let (_server, tus) = site.start("finish").await;
    let answer = tus
        .ask(creation(&tus, "id").header("Upload-Length", LENGTH))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let whole = pattern(1, LENGTH);
    let first = content(whole.slice(..4096));
    let answer = tus.append(&url(&tus, "id"), 0, first).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    lab.run("fallocate --length 90000 disk/data/id; sync disk/data/id")
        .await;
    lab.run("touch -d @1 disk/data/id; cat disk/data/id >/dev/null")
        .await;
    assert_eq!(tus.offset(&url(&tus, "id")).await, 4096);
    lab.run("cat disk/data/id >/dev/null").await;
    let rest = content(whole.slice(4096..));
    let answer = tus.append(&url(&tus, "id"), 4096, rest).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(tus.send(get(&tus, "id")).await.body(), &whole);
}

#[tokio::test]
async fn bytes_that_a_power_cut_has_lost_are_no_offset_after_a_backup_has_read_them_on_ext4() {
    is_no_offset(FileSystem::Ext4).await;
}

#[tokio::test]
async fn bytes_that_a_power_cut_has_lost_are_no_offset_after_a_backup_has_read_them_on_xfs() {
    is_no_offset(FileSystem::Xfs).await;
}

#[tokio::test]
async fn what_is_finished_or_terminated_stays_so_in_power_cuts_on_ext4() {
    is_kept(FileSystem::Ext4, "finish", 5).await;
}

#[tokio::test]
async fn what_is_finished_or_terminated_stays_so_in_power_cuts_on_xfs() {
    is_kept(FileSystem::Xfs, "finish", 5).await;
}

#[tokio::test]
async fn every_answered_offset_and_creation_survives_power_cuts_on_ext4() {
    is_kept(FileSystem::Ext4, "offset", 5).await;
}

#[tokio::test]
async fn every_answered_offset_and_creation_survives_power_cuts_on_xfs() {
    is_kept(FileSystem::Xfs, "offset", 5).await;
}

#[tokio::test]
#[ignore = "takes minutes: .ci/disk runs it"]
async fn two_hundred_power_cuts_break_no_promise() {
    for durability in ["finish", "offset"] {
        for file_system in [FileSystem::Ext4, FileSystem::Xfs] {
            is_kept(file_system, durability, 50).await;
        }
    }
}
