//! Records the owner of a lock file, and checks whether it is still alive.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process;
use std::time::{Duration, SystemTime};

use crate::fs::error::is_full;
use crate::fs::sys;

/// How long a lock file may be without an owner. Writers leave it so only
/// briefly.
const GRACE: Duration = Duration::from_secs(1);

/// Writes the process id of this process to a new lock file.
pub(super) fn sign(file: &sys::File) -> io::Result<()> {
    file.write_all(format!("{}\n", process::id()).as_bytes())
}

/// Like [`sign`], but leaves the file empty if there is no space for the id.
pub(super) fn sign_if_possible(file: &sys::File) -> io::Result<()> {
    match sign(file) {
        // Otherwise no upload could be terminated to free space. The file
        // counts because of its `flock`, and tusd, which would remove it, has
        // no space for its own.
        Err(error) if is_full(&error) => file.truncate(0),
        signed => signed,
    }
}

/// Whom a lock file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A process that is dead or younger than the file, or nobody for too long.
    Gone,
    /// Nobody yet.
    Missing,
    /// A process that lives, and already did when the file was written this
    /// long ago. It may be another one than the file means.
    Lives { pid: u32, since: Duration },
}

/// Returns the owner of a lock file.
///
/// An owner with the id of this process counts as gone: only `flock` can tell
/// whether the file was created here.
pub(super) fn find(file: &sys::File) -> io::Result<Owner> {
    let age = age(file.modified()?);
    Ok(match pid(&file.read_to_end()?) {
        Some(pid) if pid == process::id() || !has_lived_for(pid, age) => Owner::Gone,
        Some(pid) => Owner::Lives { pid, since: age },
        None if age > GRACE => Owner::Gone,
        None => Owner::Missing,
    })
}

/// Whether a process is seen to have a file of this name open. If it cannot be
/// seen, as for another user's process, it counts as not open.
#[cfg(target_os = "linux")]
pub(super) fn has_open(pid: u32, name: &OsStr) -> bool {
    // The links are read, not followed: a file on a disk that hangs costs no
    // time, and directories may have other paths in another container.
    let dir = PathBuf::from(format!("/proc/{pid}/fd"));
    let files = sys::names(&dir, |_| true).unwrap_or_default();
    let mut paths = files
        .iter()
        .filter_map(|file| std::fs::read_link(dir.join(file)).ok());
    paths.any(|path| path.file_name() == Some(name))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn has_open(_: u32, _: &OsStr) -> bool {
    false
}

/// Returns the time since `time`, or zero if the clock has been set back.
pub(super) fn age(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

fn pid(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Whether a process lives, and already did when a file of this age was
/// written.
fn has_lived_for(pid: u32, age: Duration) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // A process that may not be signalled is alive.
    let lives = number.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH));
    lives && has_run_for(pid, age)
}

#[cfg(target_os = "linux")]
fn has_run_for(pid: u32, age: Duration) -> bool {
    use std::path::PathBuf;

    /// Clock ticks and file timestamps are coarse.
    const TOLERANCE: Duration = Duration::from_secs(1);

    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let stat = sys::read(&path).ok().flatten();
    // The status of another user's process may be hidden.
    let Some(stat) = stat.as_deref().and_then(Stat::parse) else {
        return true;
    };
    !stat.has_ended && stat.age() + TOLERANCE > age
}

#[cfg(not(target_os = "linux"))]
fn has_run_for(_: u32, _: Duration) -> bool {
    true
}

/// The parts of `/proc/<pid>/stat` that matter here.
#[cfg(target_os = "linux")]
struct Stat {
    /// The process is a zombie that its parent has not reaped yet.
    has_ended: bool,
    /// The start time, in ticks since boot.
    begin: u64,
}

#[cfg(target_os = "linux")]
impl Stat {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        // The name before it, in parentheses, may contain anything.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let begin = fields.nth(18)?.parse().ok()?;
        Some(Self { has_ended, begin })
    }

    fn age(&self) -> Duration {
        use rustix::time::{ClockId, clock_gettime};

        let now = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
        let ticks = rustix::param::clock_ticks_per_second();
        now.saturating_sub(Duration::from_millis(self.begin * 1000 / ticks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_by_a_number_alone() {
        assert_eq!(pid(b"1234\n"), Some(1234));
        for text in [
            &b""[..],
            b"\n",
            b"-1\n",
            b"12 34\n",
            b"x\n",
            b"\xff",
            b"99999999999\n",
        ] {
            assert_eq!(pid(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_that_no_process_has_are_dead() {
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert!(!has_lived_for(pid, Duration::ZERO), "{pid}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_seen_to_have_its_files_open() {
        let dir = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(dir.path().join("a-name-of-its-own")).unwrap();
        let name = OsStr::new("a-name-of-its-own");
        assert!(has_open(process::id(), name));
        assert!(!has_open(process::id(), OsStr::new("a-name")));
        drop(file);
        assert!(!has_open(process::id(), name));
        assert!(!has_open(u32::MAX, name));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_name_of_a_process_may_look_like_its_end() {
        let rest = "1 ".repeat(18);
        let stat = Stat::parse(format!("7 (a) Z 1 (b) S {rest}4200 1").as_bytes()).unwrap();
        assert!(!stat.has_ended);
        assert_eq!(stat.begin, 4200);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_lived_for_some_time_and_not_forever() {
        assert!(has_run_for(process::id(), Duration::ZERO));
        assert!(!has_run_for(process::id(), Duration::from_secs(1 << 32)));
    }
}
