//! How many files may be open at once.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first argument of this program as the launcher of a hook. It is no flag.
const LAUNCH: &str = "-launch-hook-with-soft-limit";

/// The limit on open files that the server was started with, where it is raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised {
    #[cfg_attr(not(unix), allow(dead_code))]
    from: u64,
}

impl Raised {
    /// The program that starts a hook with the limit as it was, and its arguments:
    /// some programs close every descriptor that they may have, one by one.
    pub(crate) fn launcher(self) -> Option<(PathBuf, [String; 2])> {
        // On Linux it stays this program when another takes its place on the disk.
        let this = PathBuf::from("/proc/self/exe");
        let this = match this.exists() {
            true => this,
            false => std::env::current_exe().ok()?,
        };
        Some((this, [LAUNCH.to_owned(), self.from.to_string()]))
    }
}

/// Becomes a hook, when this program was started as the launcher of one.
pub(crate) fn launched() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    args.next().filter(|arg| arg == LAUNCH)?;
    let (limit, path) = (args.next(), args.next());
    let limit = limit.as_deref().and_then(OsStr::to_str);
    let limit = limit.and_then(|limit| limit.parse().ok());
    Some(match (limit, path) {
        (Some(limit), Some(path)) => launch(limit, path.as_ref()),
        _ => ExitCode::from(2),
    })
}

#[cfg(unix)]
fn launch(limit: u64, hook: &std::path::Path) -> ExitCode {
    // Lowering it is always allowed.
    let _ = set_limit(limit);
    tower_tus::hooks::ProcessHooks::exec(hook)
}

#[cfg(not(unix))]
fn launch(_: u64, _: &std::path::Path) -> ExitCode {
    ExitCode::from(2)
}

/// Takes as many as the system lets have, as Go does for tusd: each connection
/// is one, and so is each part of a final upload while it is locked.
#[cfg(unix)]
pub(crate) fn take_all() -> Option<Raised> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current == limit.maximum {
        return None;
    }
    match set_limit(limit.maximum) {
        Ok(()) => limit.current.map(|from| Raised { from }),
        Err(error) => {
            tracing::debug!(%error, "no more files may be open than before");
            None
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn take_all() -> Option<Raised> {
    None
}

/// Sets the soft limit.
#[cfg(unix)]
fn set_limit(files: impl Into<Option<u64>>) -> rustix::io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = files.into();
    setrlimit(Resource::Nofile, limit)
}

/// How many connections may be open at once: as many as are asked for, or a third
/// of all files for 0, so that two thirds are left to the requests on them.
pub(crate) fn max_connections(asked: usize) -> usize {
    match asked {
        0 => third().unwrap_or(usize::MAX),
        asked => asked,
    }
}

/// How many downloads may be in progress at once: each holds a file, and a
/// client that reads nothing holds it for long.
pub(crate) fn max_downloads() -> usize {
    const MOST: usize = 4096;
    third().map_or(MOST, |third| third.min(MOST))
}

/// How many uploads may be written at once: each holds its data file and its lock.
pub(crate) fn max_open_uploads() -> usize {
    const FILES: usize = 2;
    third().map_or(usize::MAX, |third| (third / FILES).max(1))
}

/// A third of the files that clients can have opened.
fn third() -> Option<usize> {
    /// Open whatever clients do: sockets, the log, pipes of hooks, files that are
    /// open for the length of one step.
    const RESERVE: usize = 64;
    most().map(|most| (most.saturating_sub(RESERVE) / 3).max(1))
}

/// How many files may be open, if there is a limit.
fn most() -> Option<usize> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    limit.and_then(|limit| usize::try_from(limit).ok())
}
