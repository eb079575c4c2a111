//! The times of uploads that servers of their own store: nobody can wait for days.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tower_tus::layers::lock::Locker;
use tower_tus::layers::protocol::Interrupt;

use crate::harness::PATIENCE;

/// Makes an upload this much older, if there is one. Its lock keeps the servers from
/// seeing half of it.
pub(super) async fn set_back(locker: &impl Locker, home: &Path, id: &str, by: Duration) {
    let data = home.join("data");
    if !data.join(format!("{id}.info")).exists() {
        return;
    }
    let named = id.parse().expect("it is an id");
    let locked = locker.acquire(&named, Interrupt::default(), PATIENCE).await;
    let guard = locked.expect("servers let go");
    match set_back_locked(home, id, by) {
        // It has expired since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        done => done.expect("files can be changed"),
    }
    guard.release().await;
}

fn set_back_locked(home: &Path, id: &str, by: Duration) -> io::Result<()> {
    let (data, next) = (home.join("data").join(id), home.join("next.info"));
    let info = data.with_file_name(format!("{id}.info"));
    fs::write(&next, created_earlier(&fs::read_to_string(&info)?, by))?;
    fs::rename(next, info)?;
    let file = File::options().write(true).open(data)?;
    file.set_modified(file.metadata()?.modified()? - by)
}

/// Returns an `.info` with another time of creation, and otherwise the same bytes.
fn created_earlier(info: &str, by: Duration) -> String {
    const MEMBER: &str = r#""Created":"#;
    let (before, rest) = info.split_once(MEMBER).expect("it has a time");
    let end = rest.find(|char: char| !char.is_ascii_digit());
    let (created, after) = rest.split_at(end.expect("it is an object"));
    let created: u64 = created.parse().expect("it is in seconds");
    format!("{before}{MEMBER}{}{after}", created - by.as_secs())
}

/// Waits until an upload is gone. Returns whether it is.
pub(super) async fn is_removed(dir: &Path, id: &str) -> bool {
    let begin = Instant::now();
    // Nothing else tells of it: the server that removes it may be any.
    while dir.join(id).exists() || dir.join(format!("{id}.info")).exists() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    true
}
