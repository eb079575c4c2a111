//! Locks that name a living process which does not answer.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, flock};

use super::stale::Sleeper;
use super::*;

/// A locker that takes every process for silent that does not answer at once.
fn impatient(fixture: &Fixture) -> FileLocker {
    fixture.locker().stale_after(Duration::ZERO)
}

/// Lets the clock of the file system tick.
fn pass_time(fixture: &Fixture, name: &str) {
    let written = fs::metadata(fixture.path(name))
        .unwrap()
        .modified()
        .unwrap();
    while written.elapsed().is_err() || written.elapsed().unwrap().is_zero() {
        std::thread::yield_now();
    }
}

fn lock(fixture: &Fixture, text: &str) {
    fs::write(fixture.path("a.lock"), text).unwrap();
    pass_time(fixture, "a.lock");
}

fn ask(fixture: &Fixture) {
    fs::write(fixture.path("a.stop"), "").unwrap();
    pass_time(fixture, "a.stop");
}

#[tokio::test]
async fn a_process_that_ignores_a_request_for_long_is_not_the_holder() {
    let (fixture, other) = (Fixture::new(), Sleeper::new());
    lock(&fixture, &other.text());
    ask(&fixture);
    assert!(is_busy(&fixture.locker(), &id("a")).await, "not for long");
    let (observer, id) = (impatient(&fixture), id("a"));
    let observed = observer.observe(&id, Interrupt::default(), Duration::ZERO);
    observed.await.unwrap().release().await;
    let text = fs::read_to_string(fixture.path("a.lock")).unwrap();
    assert_eq!(text, other.text());
    let guard = take(&impatient(&fixture), &id).await;
    let text = fs::read_to_string(fixture.path("a.lock")).unwrap();
    assert_eq!(text, format!("{}\n", std::process::id()));
    guard.release().await;
}

#[tokio::test]
async fn a_process_that_was_not_asked_is_asked_first() {
    let (fixture, other) = (Fixture::new(), Sleeper::new());
    lock(&fixture, &other.text());
    assert!(is_busy(&impatient(&fixture), &id("a")).await);
    pass_time(&fixture, "a.stop");
    take(&impatient(&fixture), &id("a")).await.release().await;
}

#[tokio::test]
async fn a_request_that_is_older_than_the_lock_does_not_count() {
    const MINUTE: Duration = Duration::from_secs(60);
    let (fixture, other) = (Fixture::new(), Sleeper::new());
    ask(&fixture);
    let stop = File::options().write(true).open(fixture.path("a.stop"));
    let before = std::time::SystemTime::now() - 60 * MINUTE;
    stop.unwrap().set_modified(before).unwrap();
    lock(&fixture, &other.text());
    let locker = fixture.locker().stale_after(MINUTE);
    assert!(is_busy(&locker, &id("a")).await);
}

#[tokio::test]
async fn a_silent_holder_of_this_kind_keeps_its_lock() {
    let (fixture, other) = (Fixture::new(), Sleeper::new());
    lock(&fixture, &other.text());
    ask(&fixture);
    let file = File::open(fixture.path("a.lock")).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    assert!(is_busy(&impatient(&fixture), &id("a")).await);
    drop(file);
    take(&impatient(&fixture), &id("a")).await.release().await;
}

/// A process with an open file, like a tusd that sends it to a client.
struct Reader(Child);

impl Reader {
    fn new(fixture: &Fixture) -> Self {
        fs::write(fixture.path("a"), "hello").unwrap();
        let data = File::open(fixture.path("a")).unwrap();
        let mut command = Command::new("sleep");
        command.arg("600").stdin(Stdio::from(data));
        Self(command.spawn().expect("there is a `sleep`"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_process_that_has_the_upload_open_keeps_its_lock() {
    let fixture = Fixture::new();
    let reader = Reader::new(&fixture);
    lock(&fixture, &format!("{}\n", reader.0.id()));
    ask(&fixture);
    assert!(is_busy(&impatient(&fixture), &id("a")).await);
    drop(reader);
    take(&impatient(&fixture), &id("a")).await.release().await;
}
