//! Tests of the whole locker, and of the files that it leaves behind.

mod disks;
mod links;
mod observers;
mod processes;
#[cfg(feature = "download")]
mod requests;
mod silent;
mod stale;
mod terminations;
mod tries;
mod watched;

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use tower_tus_layers::lock::{Guard, Locker, conformance};
use tower_tus_layers::protocol::{Error, Interrupt, UploadId};

use super::FileLocker;
use super::places::is_draft;
use crate::store::FileStore;

/// Upper limit for any wait in these tests.
const LONG: Duration = Duration::from_secs(20);

/// A temporary directory, removed on drop.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns a locker that is independent of all others.
    fn locker(&self) -> FileLocker {
        FileLocker::new(self.0.path()).poll_interval(Duration::from_millis(10))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the names of all files but those that processes keep to link.
    fn names(&self) -> Vec<String> {
        let mut names = self.all_names();
        names.retain(|name| !is_draft(name));
        names
    }

    fn all_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

/// Takes a lock that is free, without waiting.
async fn take(locker: &FileLocker, id: &UploadId) -> Box<dyn Guard> {
    let guard = locker.acquire(id, Interrupt::default(), Duration::ZERO);
    let guard = timeout(LONG, guard).await.expect("it does not wait");
    guard.expect("the lock is free")
}

async fn is_busy(locker: &FileLocker, id: &UploadId) -> bool {
    let taken = locker.acquire(id, Interrupt::default(), Duration::ZERO);
    match timeout(LONG, taken).await.expect("it does not wait") {
        Ok(guard) => guard.release().await,
        Err(Error::LockTimeout) => return true,
        Err(error) => panic!("{error:?}"),
    }
    false
}

#[tokio::test]
async fn it_passes_the_conformance_suite_and_leaves_nothing() {
    let fixture = Fixture::new();
    conformance::run(Arc::new(fixture.locker())).await;
    assert_eq!(fixture.names(), [""; 0]);
}

/// Asserts that the holder lets go for a newcomer, who gets the lock.
async fn is_handed_over(
    guard: Box<dyn Guard>,
    asked: Interrupt,
    other: &FileLocker,
    id: &UploadId,
) {
    let newcomer = other.acquire(id, Interrupt::default(), LONG);
    let let_go = async {
        let cause = timeout(LONG, asked.fired()).await.unwrap();
        assert!(matches!(cause, Error::Interrupted));
        guard.release().await;
    };
    let (newcomer, ()) = tokio::join!(newcomer, let_go);
    newcomer.unwrap().release().await;
}

#[tokio::test]
async fn two_lockers_of_one_process_respect_each_other() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let (one, other) = (fixture.locker(), fixture.locker());
    let asked = Interrupt::default();
    let guard = one.acquire(&id, asked.clone(), LONG).await.unwrap();
    assert!(is_busy(&other, &id).await);
    is_handed_over(guard, asked, &other, &id).await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_lock_is_a_file_with_the_number_of_its_process() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("a")).unwrap();
    let guard = take(&fixture.locker(), &id("a/b")).await;
    let text = fs::read_to_string(fixture.path("a/b.lock")).unwrap();
    assert_eq!(text, format!("{}\n", std::process::id()));
    guard.release().await;
    assert!(!fixture.path("a/b.lock").exists());
}

#[tokio::test]
async fn the_lock_of_an_upload_that_nobody_knows_yet_is_no_file() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let locker = fixture.locker();
    let new = locker.acquire_new(&id, Interrupt::default(), Duration::ZERO);
    let guard = new.await.expect("the lock is free");
    assert_eq!(fixture.names(), [""; 0]);
    assert!(is_busy(&locker, &id).await);
    guard.release().await;
    take(&locker, &id).await.release().await;
}

#[tokio::test]
async fn each_file_has_the_mode_that_was_set() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let store = FileStore::new(fixture.0.path()).file_mode(0o640);
    for locker in [
        fixture.locker().file_mode(0o640),
        FileLocker::beside(&store),
    ] {
        let guard = take(&locker, &id).await;
        assert!(is_busy(&fixture.locker().file_mode(0o640), &id).await);
        for name in ["a.lock", "a.stop"] {
            let mode = fs::metadata(fixture.path(name)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o640, "{name}");
        }
        guard.release().await;
    }
}

#[tokio::test]
async fn where_no_upload_can_be_there_is_none() {
    let fixture = Fixture::new();
    fs::write(fixture.path("file"), "").unwrap();
    let long = "a".repeat(239);
    let deep = [long.as_str(); 4].join("/");
    for name in ["none/a", "file/a", &deep] {
        let (locker, id) = (fixture.locker(), id(name));
        let taken = locker.acquire(&id, Interrupt::default(), LONG).await;
        assert!(matches!(taken, Err(Error::NotFound)), "{name}: {taken:?}");
    }
    assert_eq!(fixture.names(), ["file"]);
    take(&fixture.locker(), &id(&long)).await.release().await;
}

#[tokio::test]
async fn whoever_writes_a_stop_file_asks_the_holder() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let asked = Interrupt::default();
    let guard = fixture.locker().acquire(&id, asked.clone(), LONG).await;
    fs::write(fixture.path("a.stop"), "").unwrap();
    let cause = timeout(LONG, asked.fired()).await.unwrap();
    assert!(matches!(cause, Error::Interrupted));
    guard.unwrap().release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn who_has_lost_the_lock_is_told_and_does_not_release_another_s() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let told = Interrupt::default();
    let guard = fixture.locker().acquire(&id, told.clone(), LONG).await;
    fs::remove_file(fixture.path("a.lock")).unwrap();
    let other = take(&fixture.locker(), &id).await;
    timeout(LONG, told.fired()).await.unwrap();
    guard.unwrap().release().await;
    assert_eq!(fixture.names(), ["a.lock"]);
    other.release().await;
}

#[tokio::test]
async fn who_stops_waiting_in_the_middle_of_a_call_leaves_nothing() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let locker = fixture.locker();
    for _ in 0..100 {
        let mut acquire = locker.acquire(&id, Interrupt::default(), LONG);
        // The blocking call that this poll starts continues without it.
        let begun = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await;
        drop((begun, acquire));
        // Directly, not at the next poll of the files.
        let next = locker.acquire(&id, Interrupt::default(), LONG).await;
        next.unwrap().release().await;
        assert_eq!(fixture.names(), [""; 0]);
    }
}

#[test]
fn a_guard_that_outlives_its_runtime_is_released_too() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let guard = runtime.block_on(take(&fixture.locker(), &id));
    drop(runtime);
    drop(guard);
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn a_runtime_that_ends_releases_what_it_holds() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (held, is_held) = std::sync::mpsc::channel();
    let locker = fixture.locker();
    runtime.spawn(async move {
        let _guard = take(&locker, &id).await;
        held.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    is_held.recv().unwrap();
    drop(runtime);
    assert_eq!(fixture.names(), [""; 0]);
}
