//! What the holders of locks notice of other processes.

use std::fs::File;
use std::time::SystemTime;

use tokio::runtime::Handle;

use super::disks::disk;
use super::*;
use crate::fs::sim::{self, Disk, Kind};

const TICK: Duration = Duration::from_millis(200);

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn one_task_watches_all_locks_and_ends_when_none_is_held() {
    let fixture = Fixture::new();
    let locker = fixture.locker();
    assert_eq!(tasks(), 0);
    let mut guards = Vec::new();
    for number in 0..20 {
        guards.push(take(&locker, &id(&number.to_string())).await);
    }
    assert_eq!(tasks(), 1);
    for guard in guards {
        guard.release().await;
    }
    let ended = async {
        while tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, ended).await.unwrap();
    assert!(!locker.shared.watcher.is_running());
    let guard = take(&locker, &id("a")).await;
    assert_eq!(tasks(), 1, "it begins anew");
    guard.release().await;
}

#[test]
fn a_locker_that_has_lost_its_runtime_watches_in_the_next_one() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let locker = fixture.locker();
    for other in ["b", "c"] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let held = runtime.block_on(async {
            let asked = Interrupt::default();
            let guard = locker.acquire(&id, asked.clone(), LONG).await.unwrap();
            fs::write(fixture.path("a.stop"), "").unwrap();
            timeout(LONG, asked.fired()).await.unwrap();
            guard.release().await;
            // The task has no chance to end by itself.
            take(&locker, &super::id(other)).await
        });
        drop(runtime);
        drop(held);
    }
}

/// Returns how many times the disk was called in each of some polls.
async fn calls_per_poll(disk: &Disk, polls: usize) -> Vec<usize> {
    let mut calls = Vec::new();
    for _ in 0..polls {
        let before = disk.calls().len();
        tokio::time::sleep(TICK).await;
        calls.push(disk.calls().len() - before);
    }
    calls
}

#[test]
fn locks_in_a_directory_without_changes_cost_one_call_per_poll() {
    const LOCKS: usize = 50;
    let disk = Disk::new();
    sim::run(async {
        let locker = FileLocker::new(disk.root());
        let mut guards = Vec::new();
        for number in 0..LOCKS {
            guards.push(take(&locker, &id(&number.to_string())).await);
        }
        // Away from the moments of the polls.
        tokio::time::sleep(TICK / 2).await;
        // Each time one call for the directory, and two for each lock.
        let all = 1 + 2 * LOCKS;
        assert_eq!(calls_per_poll(&disk, 2).await, [all; 2]);
        disk.age();
        assert_eq!(calls_per_poll(&disk, 4).await, [all, 1, 1, 1]);
        let stop = disk.root().join("7.stop");
        crate::fs::sys::File::create_new(&stop).unwrap();
        let calls = calls_per_poll(&disk, 1).await;
        assert!(calls[0] > LOCKS, "{calls:?}");
        assert!(
            disk.calls()
                .iter()
                .all(|call| call.kind != Kind::List || call.number < 10)
        );
        for guard in guards {
            guard.release().await;
        }
    });
}

#[test]
fn a_holder_is_asked_also_after_hours_without_changes() {
    let disk = Disk::new();
    sim::run(async {
        let locker = FileLocker::new(disk.root());
        let asked = Interrupt::default();
        let guard = locker.acquire(&id("a"), asked.clone(), LONG).await.unwrap();
        disk.age();
        tokio::time::sleep(10_000 * TICK).await;
        assert!(asked.cause().is_none());
        assert!(is_busy(&FileLocker::new(disk.root()), &id("a")).await);
        timeout(2 * TICK, asked.fired()).await.unwrap();
        guard.release().await;
    });
}

#[test]
fn a_new_lock_is_watched_although_nothing_has_happened_around_the_others() {
    let disk = disk();
    sim::run(async {
        let locker = FileLocker::new(disk.root());
        let guard = take(&locker, &id("a")).await;
        disk.age();
        tokio::time::sleep(4 * TICK).await;
        let (asked, other) = (Interrupt::default(), id("sub/b"));
        let new = locker.acquire(&other, asked.clone(), LONG).await.unwrap();
        let stop = disk.root().join("sub/b.stop");
        crate::fs::sys::File::create_new(&stop).unwrap();
        timeout(2 * TICK, asked.fired()).await.unwrap();
        new.release().await;
        guard.release().await;
    });
}

/// Waits until a file is gone.
async fn gone(fixture: &Fixture, name: &str) {
    let gone = async {
        while fixture.path(name).exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, gone).await.unwrap();
}

#[tokio::test]
async fn a_stop_file_that_was_left_over_asks_nobody_and_goes() {
    let fixture = Fixture::new();
    fs::write(fixture.path("a.stop"), "").unwrap();
    let before = SystemTime::now() - Duration::from_secs(1);
    let stop = File::options().write(true).open(fixture.path("a.stop"));
    stop.unwrap().set_modified(before).unwrap();
    let asked = Interrupt::default();
    let guard = fixture
        .locker()
        .acquire(&id("a"), asked.clone(), LONG)
        .await;
    gone(&fixture, "a.stop").await;
    assert!(asked.cause().is_none());
    // From now on one is meant for this holder, whatever its time.
    let stop = File::create(fixture.path("a.stop")).unwrap();
    stop.set_modified(before).unwrap();
    timeout(LONG, asked.fired()).await.unwrap();
    guard.unwrap().release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_brief_lock_leaves_a_stop_file_alone_and_the_one_who_asked_removes_it() {
    let (fixture, id) = (Fixture::new(), id("a"));
    // Its holders never look.
    let holder = fixture.locker().holder_poll_interval(2 * LONG);
    let waiter = fixture.locker().holder_poll_interval(2 * LONG);
    for observes in [false, true] {
        let guard = take(&holder, &id).await;
        let waiting = async {
            match observes {
                false => waiter.acquire(&id, Interrupt::default(), LONG).await,
                true => waiter.observe(&id, Interrupt::default(), LONG).await,
            }
        };
        let release = async {
            while !fixture.path("a.stop").exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            guard.release().await;
        };
        let (waited, ()) = tokio::join!(waiting, release);
        assert!(!fixture.path("a.stop").exists());
        waited.unwrap().release().await;
        assert_eq!(fixture.names(), [""; 0]);
    }
}
