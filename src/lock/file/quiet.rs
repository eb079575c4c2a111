//! Which directories nothing has happened in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::fs::sys;

/// The coarsest clock of a file system, that of FAT, and some more. Of two
/// changes within this time, the second one may leave the same time.
const COARSE: Duration = Duration::from_secs(3);

/// A clock whose times are not all multiples of this is one of nanoseconds, which a
/// kernel sets once in so much time.
const FINE: Duration = Duration::from_millis(10);

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
    /// Whether all directories of the last poll are known.
    knows_all: bool,
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
    /// Begins a poll. Returns whether nothing has happened in any directory of the
    /// last one, so that none of its locks has to be looked at.
    pub(super) fn begin(&mut self) -> bool {
        let last = *self.distrusted.get_or_insert_with(Instant::now);
        if last.elapsed() >= DISTRUST {
            self.distrusted = None;
            self.known.clear();
            self.knows_all = false;
        }
        let dirs: Vec<_> = self.known.keys().cloned().collect();
        self.knows_all && dirs.iter().all(|dir| self.is_unchanged(dir))
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
        let is_old = |changed: &SystemTime| changed.elapsed().is_ok_and(|age| age > tick(*changed));
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
        let dirs = self.found.len();
        let found = self.found.drain();
        self.known = found
            .filter_map(|(dir, found)| Some((dir, found.changed?)))
            .collect();
        self.knows_all = self.known.len() == dirs;
    }
}

/// Returns how long after a change another one may leave the same time.
fn tick(changed: SystemTime) -> Duration {
    let since = changed.duration_since(SystemTime::UNIX_EPOCH);
    match since.is_ok_and(|since| since.as_nanos() % FINE.as_nanos() > 0) {
        // Ten times, for clocks that differ a little.
        true => FINE * 10,
        false => COARSE,
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

    /// A time of a file system that counts in tens of milliseconds or in seconds.
    fn coarse(time: SystemTime) -> SystemTime {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        SystemTime::UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64 / 10 * 10)
    }

    #[tokio::test]
    async fn a_change_that_another_may_follow_within_its_time_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut quiet = Quiet::default();
        let now = SystemTime::now();
        for changed in [coarse(now), now + HOUR] {
            set_time(dir.path(), changed);
            let polls = [(); 3].map(|()| poll(&mut quiet, dir.path()));
            assert_eq!(polls, [false; 3]);
        }
    }

    #[test]
    fn a_time_in_nanoseconds_tells_changes_apart_after_a_moment() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        assert_eq!(tick(now), Duration::from_millis(100));
        assert_eq!(tick(coarse(now)), COARSE);
        assert_eq!(
            tick(SystemTime::UNIX_EPOCH - Duration::from_nanos(1)),
            COARSE
        );
    }

    #[tokio::test]
    async fn a_poll_needs_no_lock_while_no_directory_has_changed() {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let mut quiet = Quiet::default();
        let begin_and_look = |quiet: &mut Quiet| {
            let nothing = quiet.begin();
            for dir in dirs.iter().filter(|_| !nothing) {
                quiet.is_unchanged(dir.path());
            }
            quiet.end();
            nothing
        };
        for dir in &dirs {
            set_time(dir.path(), SystemTime::now() - HOUR);
        }
        let polls = [(); 3].map(|()| begin_and_look(&mut quiet));
        assert_eq!(polls, [false, true, true]);
        set_time(dirs[1].path(), coarse(SystemTime::now()));
        let polls = [(); 3].map(|()| begin_and_look(&mut quiet));
        assert_eq!(polls, [false; 3], "the time of one is not known");
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
