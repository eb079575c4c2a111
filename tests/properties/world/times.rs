//! The times of uploads that servers of their own store: nobody can wait for days.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tower_tus::layers::lock::Locker;
use tower_tus::layers::protocol::Interrupt;

use crate::harness::{PATIENCE, aged};

/// Makes an upload this much older, if there is one. Its lock keeps the servers from
/// seeing half of it, and from removing it meanwhile.
pub(super) async fn set_back(locker: &impl Locker, dir: &Path, id: &str, by: Duration) {
    if !exists(dir, id) {
        return;
    }
    let named = id.parse().expect("it is an id");
    let locked = locker.acquire(&named, Interrupt::default(), PATIENCE).await;
    let guard = locked.expect("servers let go");
    if exists(dir, id) {
        aged::upload(dir, id, by);
    }
    guard.release().await;
}

/// Makes the creation of an upload in a bucket this much older, if there is one. Nothing
/// is going on with it.
pub(super) fn set_creation_back(dir: &Path, id: &str, by: Duration) {
    if dir.join(format!("{id}.info")).exists() {
        aged::creation(dir, id, Some(by));
    }
}

fn exists(dir: &Path, id: &str) -> bool {
    dir.join(id).exists() && dir.join(format!("{id}.info")).exists()
}

/// Makes a file older than what a sweep leaves alone because it is new.
pub(super) fn make_old(path: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    // A multipart upload is a directory.
    match File::open(path) {
        Ok(file) => file.set_modified(then).expect("it can be changed"),
        // Servers sweep, too.
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
    }
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
