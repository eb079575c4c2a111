//! Locks as links of one file.

use std::fs::File;

use rustix::io::Errno;

use super::disks::{disk, mend};
use super::stale::dead;
use super::*;
use crate::fs::sim::{self, Kind, Verdict};

fn inode(fixture: &Fixture, name: &str) -> u64 {
    fs::metadata(fixture.path(name)).unwrap().ino()
}

/// Returns the names of the files that processes keep to link.
fn kept(fixture: &Fixture) -> Vec<String> {
    let mut names = fixture.all_names();
    names.retain(|name| is_draft(name));
    names
}

#[tokio::test]
async fn all_locks_of_a_process_are_links_of_one_file() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("sub")).unwrap();
    let locker = fixture.locker();
    let one = take(&locker, &id("a")).await;
    let other = take(&locker.clone(), &id("sub/b")).await;
    let [own] = &kept(&fixture)[..] else {
        panic!("{:?}", fixture.all_names());
    };
    assert_eq!(inode(&fixture, "a.lock"), inode(&fixture, own));
    assert_eq!(inode(&fixture, "sub/b.lock"), inode(&fixture, own));
    one.release().await;
    other.release().await;
    assert_eq!(fixture.names(), ["sub"]);
    assert!(fixture.path("sub").read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn the_file_goes_when_no_lock_was_held_for_a_while_and_comes_with_the_next() {
    let fixture = Fixture::new();
    let locker = fixture.locker();
    for _ in 0..2 {
        take(&locker, &id("a")).await.release().await;
        let idle = async {
            while !kept(&fixture).is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, idle).await.unwrap();
        let guard = take(&locker, &id("a")).await;
        // Several polls.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(kept(&fixture).len(), 1);
        guard.release().await;
    }
}

#[tokio::test]
async fn the_file_goes_with_the_last_clone_and_its_last_lock() {
    let fixture = Fixture::new();
    let locker = fixture.locker();
    let clone = locker.clone();
    let guard = take(&locker, &id("a")).await;
    drop(locker);
    take(&clone, &id("b")).await.release().await;
    drop(clone);
    assert_eq!(kept(&fixture).len(), 1);
    guard.release().await;
    assert_eq!(fixture.all_names(), [""; 0]);
}

#[tokio::test]
async fn a_file_that_was_deleted_is_made_again_and_its_locks_stay() {
    let fixture = Fixture::new();
    let locker = fixture.locker();
    let held = take(&locker, &id("a")).await;
    fs::remove_file(fixture.path(&kept(&fixture)[0])).unwrap();
    let next = take(&locker, &id("b")).await;
    assert_ne!(inode(&fixture, "a.lock"), inode(&fixture, "b.lock"));
    for name in ["a", "b"] {
        assert!(is_busy(&fixture.locker(), &id(name)).await, "{name}");
    }
    held.release().await;
    next.release().await;
    drop(locker);
    assert_eq!(kept(&fixture), [""; 0]);
}

#[tokio::test]
async fn another_file_in_its_place_is_noticed_with_the_first_lock() {
    let fixture = Fixture::new();
    // It is kept for long.
    let locker = fixture.locker().poll_interval(LONG);
    take(&locker, &id("a")).await.release().await;
    let own = fixture.path(&kept(&fixture)[0]);
    // As when the directory was restored from a copy.
    fs::remove_file(&own).unwrap();
    fs::write(&own, format!("{}\n", std::process::id())).unwrap();
    take(&locker, &id("a")).await.release().await;
    let guard = take(&locker, &id("a")).await;
    assert!(is_busy(&fixture.locker(), &id("a")).await);
    guard.release().await;
    assert!(!fixture.path("a.lock").exists());
}

#[tokio::test]
async fn what_dead_processes_have_left_is_removed_and_what_lives_stays() {
    let fixture = Fixture::new();
    let living = fixture.locker().poll_interval(LONG);
    take(&living, &id("a")).await.release().await;
    let lives = kept(&fixture).remove(0);
    let name = |digit: &str| format!(".{}.lock", digit.repeat(32));
    fs::write(fixture.path(&name("0")), dead()).unwrap();
    // As a container has that restarts as process 1.
    let same = format!("{}\n", std::process::id());
    fs::write(fixture.path(&name("1")), same).unwrap();
    // One that is about to be signed, and names that no process makes.
    fs::write(fixture.path(&name("2")), "").unwrap();
    fs::write(fixture.path(&name("g")), dead()).unwrap();
    fs::write(fixture.path(".0.lock"), dead()).unwrap();

    let next = fixture.locker();
    take(&next, &id("a")).await.release().await;
    let cleared = async {
        while fixture.path(&name("0")).exists() || fixture.path(&name("1")).exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, cleared).await.unwrap();
    drop(next);
    let mut left = [lives, name("2"), name("g"), ".0.lock".to_owned()];
    left.sort();
    assert_eq!(fixture.all_names(), left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_locks_of_a_dead_process_are_had_at_once_although_they_are_one_file() {
    const LOCKS: usize = 32;
    let fixture = Fixture::new();
    for round in 0..10 {
        let name = |number: usize| format!("{round}-{number}");
        let first = fixture.path(&format!("{}.lock", name(0)));
        fs::write(&first, dead()).unwrap();
        for number in 1..LOCKS {
            fs::hard_link(&first, fixture.path(&format!("{}.lock", name(number)))).unwrap();
        }
        // Whoever waits for a poll waits in vain.
        let takers = (0..LOCKS).map(|number| {
            let locker = fixture.locker().acquirer_poll_interval(2 * LONG);
            let id = id(&name(number));
            tokio::spawn(async move { locker.acquire(&id, Interrupt::default(), 3 * LONG).await })
        });
        for taker in takers.collect::<Vec<_>>() {
            let guard = timeout(LONG, taker).await.expect("it is had at once");
            guard.unwrap().unwrap().release().await;
        }
    }
    let left = fixture.names();
    assert!(!left.iter().any(|name| name.ends_with(".lock")), "{left:?}");
}

#[tokio::test]
async fn a_lock_that_somebody_keeps_clearing_is_asked_for_in_the_end() {
    let fixture = Fixture::new();
    fs::write(fixture.path("a.lock"), dead()).unwrap();
    // Looks like a holder whose process id means nothing here.
    let file = File::open(fixture.path("a.lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert!(is_busy(&fixture.locker(), &id("a")).await);
    assert!(fixture.path("a.stop").exists());
}

#[test]
fn where_no_link_is_to_be_had_a_lock_is_a_file_by_itself() {
    for refused in [
        Errno::MLINK,
        Errno::PERM,
        Errno::XDEV,
        Errno::OPNOTSUPP,
        Errno::NOSYS,
        Errno::INVAL,
    ] {
        let (disk, root) = disk_and_root();
        let locker = FileLocker::new(&root);
        sim::run(async {
            let linked = take(&locker, &id("a")).await;
            disk.rule(move |call| match call.kind {
                Kind::Link => Verdict::Fail(refused),
                _ => Verdict::Pass,
            });
            let single = take(&locker, &id("sub/a")).await;
            let other = FileLocker::new(&root);
            assert!(is_busy(&other, &id("sub/a")).await, "{refused}");
            assert!(is_busy(&other, &id("a")).await, "{refused}");
            single.release().await;
            linked.release().await;
            for name in ["a", "sub/a"] {
                take(&other, &id(name)).await.release().await;
            }
        });
        let locks: Vec<_> = disk.files();
        let is_lock = |path: &PathBuf| path.ends_with("a.lock");
        assert!(!locks.iter().any(is_lock), "{refused}: {locks:?}");
    }
}

fn disk_and_root() -> (sim::Disk, PathBuf) {
    let disk = disk();
    let root = disk.root().to_owned();
    (disk, root)
}

#[test]
fn a_brief_lock_takes_three_calls() {
    let (disk, root) = disk_and_root();
    sim::run(async {
        let locker = FileLocker::new(&root);
        take(&locker, &id("a")).await.release().await;
        let before = disk.calls().len();
        take(&locker, &id("a")).await.release().await;
        let calls = disk.calls();
        let kinds: Vec<_> = calls[before..].iter().map(|call| call.kind).collect();
        assert_eq!(kinds, [Kind::Link, Kind::Stat, Kind::Unlink]);
    });
}

#[test]
fn a_lock_whose_release_has_failed_is_free_for_this_process_and_goes_with_its_next() {
    let (disk, root) = disk_and_root();
    let (locker, id) = (FileLocker::new(&root), id("a"));
    let lock = [PathBuf::from("a.lock")];
    let is_there = || disk.files().iter().any(|path| lock.contains(path));
    sim::run(async {
        let guard = take(&locker, &id).await;
        disk.rule(|call| match call.kind {
            Kind::Unlink => Verdict::Fail(Errno::IO),
            _ => Verdict::Pass,
        });
        guard.release().await;
        mend(&disk);
        assert!(is_there());
        assert!(is_busy(&FileLocker::new(&root), &id).await);
        let observer = locker.observe(&id, Interrupt::default(), Duration::ZERO);
        observer.await.unwrap().release().await;
        let terminated = locker.acquire_to_terminate(&id, Interrupt::default(), Duration::ZERO);
        terminated.await.unwrap().release().await;
        assert!(!is_there());
    });
}

#[test]
fn a_link_that_was_made_before_the_call_failed_is_had() {
    for failed in [Errno::EXIST, Errno::IO] {
        let (disk, root) = disk_and_root();
        disk.rule(move |call| match call.kind {
            Kind::Link => Verdict::PassThenFail(failed),
            _ => Verdict::Pass,
        });
        sim::run(async {
            let guard = take(&FileLocker::new(&root), &id("sub/a")).await;
            assert_eq!(disk.files().len(), 2, "the file and its link");
            guard.release().await;
        });
        assert_eq!(disk.files(), [""; 0].map(PathBuf::from), "{failed}");
    }
}
