//! Locks whose holders are gone.

use std::fs::{self, File};
use std::process::{Child, Command};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use super::super::lock_file::{Attempt, LockFile};
use super::super::own::Own;
use super::super::places::Places;
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A process that runs until it is ended.
pub(super) struct Sleeper(Child);

impl Sleeper {
    pub(super) fn new() -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").spawn().expect("there is a `sleep`"))
    }

    /// The content of a lock file by tusd.
    pub(super) fn text(&self) -> String {
        format!("{}\n", self.0.id())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The content of a lock file by a dead process.
pub(super) fn dead() -> String {
    Sleeper::new().text()
}

fn write(fixture: &Fixture, text: &str, age: Duration) {
    fs::write(fixture.path("a.lock"), text).unwrap();
    let file = File::options().write(true).open(fixture.path("a.lock"));
    let written = SystemTime::now() - age;
    file.unwrap().set_modified(written).unwrap();
}

#[tokio::test]
async fn a_living_holder_is_waited_for_as_tusd_does() {
    let (fixture, holder, id) = (Fixture::new(), Sleeper::new(), id("a"));
    write(&fixture, &holder.text(), Duration::ZERO);
    assert!(is_busy(&fixture.locker(), &id).await);

    let locker = fixture.locker();
    let newcomer = locker.acquire(&id, Interrupt::default(), LONG);
    let asked = async {
        while !fixture.path("a.stop").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let tusd = async {
        timeout(LONG, asked).await.unwrap();
        fs::remove_file(fixture.path("a.lock")).unwrap();
        fs::remove_file(fixture.path("a.stop")).unwrap();
    };
    let (newcomer, ()) = tokio::join!(newcomer, tusd);
    newcomer.unwrap().release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_lock_of_a_dead_process_is_taken_at_once() {
    let fixture = Fixture::new();
    write(&fixture, &dead(), Duration::ZERO);
    let guard = take(&fixture.locker(), &id("a")).await;
    assert_eq!(fixture.names(), ["a.lock"]);
    guard.release().await;
}

#[tokio::test]
async fn a_lock_of_an_earlier_process_of_this_number_is_taken_at_once() {
    let fixture = Fixture::new();
    write(
        &fixture,
        &format!("{}\n", std::process::id()),
        Duration::ZERO,
    );
    let guard = take(&fixture.locker(), &id("a")).await;
    guard.release().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lock_that_is_older_than_its_process_is_taken_at_once() {
    let (fixture, young) = (Fixture::new(), Sleeper::new());
    write(&fixture, &young.text(), HOUR);
    let guard = take(&fixture.locker(), &id("a")).await;
    guard.release().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_zombie_holds_nothing() {
    let (fixture, mut zombie) = (Fixture::new(), Sleeper::new());
    write(&fixture, &zombie.text(), Duration::ZERO);
    zombie.0.kill().unwrap();
    let stat = format!("/proc/{}/stat", zombie.0.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        thread::yield_now();
    }
    let guard = take(&fixture.locker(), &id("a")).await;
    guard.release().await;
}

#[tokio::test]
async fn a_lock_that_names_nobody_is_taken_after_a_grace() {
    let fixture = Fixture::new();
    for text in ["", "nobody\n", "-1\n"] {
        write(&fixture, text, Duration::ZERO);
        assert!(is_busy(&fixture.locker(), &id("a")).await, "{text:?}");
        write(&fixture, text, HOUR);
        let guard = take(&fixture.locker(), &id("a")).await;
        guard.release().await;
    }
}

#[tokio::test]
async fn whatever_a_file_says_its_holder_may_have_it_open() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let guard = take(&fixture.locker(), &id).await;
    // As left by a full disk, and by a container with its own process ids.
    for text in ["", &dead()] {
        write(&fixture, text, HOUR);
        assert!(is_busy(&fixture.locker(), &id).await, "{text:?}");
    }
    guard.release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn of_those_who_find_a_stale_lock_at_once_one_gets_it() {
    const FINDERS: usize = 4;
    let (fixture, text) = (Fixture::new(), dead());
    let (start, end) = (Barrier::new(FINDERS), Barrier::new(FINDERS));
    let taken = Mutex::new(0);
    let find = || {
        let own = Own::default();
        for round in 0..500 {
            let places = Places::new(fixture.0.path(), &id("a"), 0o664, LONG);
            if start.wait().is_leader() {
                write(&fixture, &text, Duration::ZERO);
                *taken.lock().unwrap() = 0;
            }
            start.wait();
            let places = Arc::new(places);
            let attempt = LockFile::take(&places, fixture.0.path(), &own).unwrap();
            let is_taken = matches!(attempt, Attempt::Taken(_));
            *taken.lock().unwrap() += usize::from(is_taken);
            end.wait();
            assert_eq!(*taken.lock().unwrap(), 1, "in round {round}");
            if let Attempt::Taken(file) = attempt {
                file.release();
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..FINDERS {
            scope.spawn(find);
        }
    });
}
