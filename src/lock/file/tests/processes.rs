//! Tests with real second processes: this test binary, started again.

use std::env;
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::*;

const DIR: &str = "TOWER_TUS_TEST_LOCKS";
const WORK: &str = "TOWER_TUS_TEST_WORK";

/// How often each counting process counts.
const TIMES: u32 = 25;

/// The role of the other process; run on its own, the test does nothing.
#[tokio::test]
async fn the_other_process() {
    let (Ok(dir), Ok(work)) = (env::var(DIR), env::var(WORK)) else {
        return;
    };
    let locker = FileLocker::new(&dir);
    match work.as_str() {
        "hold" => hold(&locker).await,
        _ => count(&locker.poll_interval(Duration::from_millis(5)), &dir).await,
    }
}

/// Holds the lock until another process asks for it.
async fn hold(locker: &FileLocker) {
    let asked = Interrupt::default();
    let guard = locker.acquire(&id("a"), asked.clone(), LONG).await.unwrap();
    say("held");
    asked.fired().await;
    guard.release().await;
    say("released");
}

/// Increments a counter in a file, which loses a count if two processes
/// overlap.
async fn count(locker: &FileLocker, dir: &str) {
    let counter = PathBuf::from(dir).join("counter");
    for _ in 0..TIMES {
        let guard = locker.acquire(&id("a"), Interrupt::default(), LONG).await;
        let count: u32 = fs::read_to_string(&counter).unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        fs::write(&counter, (count + 1).to_string()).unwrap();
        guard.unwrap().release().await;
    }
    say("counted");
}

fn say(word: &str) {
    writeln!(std::io::stdout(), "\n{word}").unwrap();
}

/// Another process, killed on drop.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(fixture: &Fixture, work: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(
                concat!(module_path!(), "::the_other_process")
                    .split_once("::")
                    .unwrap()
                    .1,
            )
            .env(DIR, fixture.0.path())
            .env(WORK, work)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until the process prints `word`.
    async fn says(&mut self, word: &str) {
        let said = async { while self.lines.next_line().await.unwrap().expect(word) != word {} };
        timeout(LONG, said).await.expect(word);
    }

    async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Returns a locker with a server's intervals.
fn locker(fixture: &Fixture) -> FileLocker {
    FileLocker::new(fixture.0.path())
}

#[tokio::test]
async fn another_process_lets_go_within_a_second() {
    let fixture = Fixture::new();
    let mut other = Other::start(&fixture, "hold");
    other.says("held").await;
    assert!(is_busy(&locker(&fixture), &id("a")).await);

    let begin = Instant::now();
    let guard = locker(&fixture)
        .acquire(&id("a"), Interrupt::default(), LONG)
        .await
        .unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1));
    other.says("released").await;
    assert_eq!(fixture.names(), ["a.lock"]);
    guard.release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_killed_process_holds_nothing() {
    let fixture = Fixture::new();
    let mut other = Other::start(&fixture, "hold");
    other.says("held").await;
    other.kill().await;
    let left = fixture.all_names();
    assert_eq!(left.len(), 2, "the lock and the file that it is a link of");
    let locker = locker(&fixture);
    take(&locker, &id("a")).await.release().await;
    assert_eq!(fixture.names(), [""; 0]);
    let cleared = async {
        while fixture.all_names().iter().any(|name| left.contains(name)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, cleared).await.unwrap();
}

#[tokio::test]
async fn of_many_processes_one_at_a_time_holds_a_lock() {
    let fixture = Fixture::new();
    fs::write(fixture.path("counter"), "0").unwrap();
    let mut others: Vec<_> = (0..8).map(|_| Other::start(&fixture, "count")).collect();
    for other in &mut others {
        other.says("counted").await;
    }
    let count = fs::read_to_string(fixture.path("counter")).unwrap();
    assert_eq!(count, (8 * TIMES).to_string());
    assert_eq!(fixture.names(), ["counter"]);
}
