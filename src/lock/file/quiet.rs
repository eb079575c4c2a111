//! Which directories nothing has happened in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::fs::sys;

/// The coarsest clock of a file system, that of FAT, and some more. Of two
/// changes within this time, the second one may leave the same time.
const COARSE: Duration = Duration::from_secs(3);

/// How often all locks are looked at whatever the times of directories say:
/// clocks of file servers differ, and anybody can set a time.
const DISTRUST: Duration = Duration::from_secs(5);

/// The directories of the watched locks, by the time of their last change.
///
/// A new `.stop` and a lock file that is replaced change their directory. So a
/// directory with thousands of locks costs one call per poll while nothing is
/// created or removed in it, rather than two for each lock.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// What was known before this poll.
    known: HashMap<PathBuf, SystemTime>,
    /// What this poll has found.
    found: HashMap<PathBuf, Found>,
    distrusted: Option<Instant>,
}

#[derive(Debug)]
struct Found {
    is_unchanged: bool,
    /// The time of the last change, if a later one would have another.
    changed: Option<SystemTime>,
}

impl Quiet {
    /// Begins a poll.
    pub(super) fn begin(&mut self) {
        let last = *self.distrusted.get_or_insert_with(Instant::now);
        if last.elapsed() >= DISTRUST {
            self.distrusted = None;
            self.known.clear();
        }
    }

    /// Whether nothing has happened in the directory since before the locks in
    /// it were looked at in an earlier poll.
    pub(super) fn is_unchanged(&mut self, dir: &Path) -> bool {
        if let Some(found) = self.found.get(dir) {
            return found.is_unchanged;
        }
        let found = self.look(dir);
        let is_unchanged = found.is_unchanged;
        self.found.insert(dir.to_owned(), found);
        is_unchanged
    }

    fn look(&self, dir: &Path) -> Found {
        let changed = sys::modified_at(dir).ok().flatten();
        let is_old = |changed: &SystemTime| changed.elapsed().is_ok_and(|age| age > COARSE);
        let changed = changed.filter(is_old);
        Found {
            is_unchanged: changed.is_some() && changed.as_ref() == self.known.get(dir),
            changed,
        }
    }

    /// Lets the next poll look at all locks in the directory.
    pub(super) fn forget(&mut self, dir: &Path) {
        if let Some(found) = self.found.get_mut(dir) {
            found.changed = None;
        }
    }

    /// Ends a poll.
    pub(super) fn end(&mut self) {
        let found = self.found.drain();
        self.known = found
            .filter_map(|(dir, found)| Some((dir, found.changed?)))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn set_time(dir: &Path, changed: SystemTime) {
        File::open(dir).unwrap().set_modified(changed).unwrap();
    }

    fn poll(quiet: &mut Quiet, dir: &Path) -> bool {
        quiet.begin();
        let is_unchanged = quiet.is_unchanged(dir);
        assert_eq!(quiet.is_unchanged(dir), is_unchanged, "asked again");
        quiet.end();
        is_unchanged
    }

    #[tokio::test]
    async fn a_directory_is_unchanged_from_the_second_poll_on_until_a_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = Quiet::default();
        set_time(dir.path(), SystemTime::now() - HOUR);
        let polls = [(); 3].map(|()| poll(&mut quiet, dir.path()));
        assert_eq!(polls, [false, true, true]);
        fs::write(dir.path().join("a.stop"), "").unwrap();
        assert!(!poll(&mut quiet, dir.path()));
        set_time(dir.path(), SystemTime::now() - HOUR);
        assert!(!poll(&mut quiet, dir.path()), "it has another time");
    }

    #[tokio::test]
    async fn a_change_that_another_may_follow_within_its_time_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = Quiet::default();
        for changed in [SystemTime::now(), SystemTime::now() + HOUR] {
            set_time(dir.path(), changed);
            let polls = [(); 3].map(|()| poll(&mut quiet, dir.path()));
            assert_eq!(polls, [false; 3]);
        }
    }

    #[tokio::test]
    async fn a_directory_in_which_a_look_has_failed_is_looked_at_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = Quiet::default();
        set_time(dir.path(), SystemTime::now() - HOUR);
        poll(&mut quiet, dir.path());
        quiet.begin();
        assert!(quiet.is_unchanged(dir.path()));
        quiet.forget(dir.path());
        quiet.end();
        assert!(!poll(&mut quiet, dir.path()));
        assert!(!poll(&mut quiet, &dir.path().join("gone")));
    }

    #[tokio::test(start_paused = true)]
    async fn now_and_then_no_time_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = Quiet::default();
        set_time(dir.path(), SystemTime::now() - HOUR);
        poll(&mut quiet, dir.path());
        assert!(poll(&mut quiet, dir.path()));
        tokio::time::advance(DISTRUST).await;
        assert!(!poll(&mut quiet, dir.path()));
        assert!(poll(&mut quiet, dir.path()));
    }
}
