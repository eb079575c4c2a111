//! The limit on open files, and the shares of it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first argument of this program as the launcher of a hook. It is no flag.
const LAUNCH: &str = "-launch-hook-with-soft-limit";

/// The limit on open files that the server was started with, if it was raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised {
    #[cfg_attr(not(unix), allow(dead_code))]
    from: u64,
}

impl Raised {
    /// The program that starts a hook with the original limit, and its arguments:
    /// some programs close every possible descriptor, one by one.
    pub(crate) fn launcher(self) -> Option<(PathBuf, [String; 2])> {
        // On Linux it stays this program even if its file is replaced.
        let this = PathBuf::from("/proc/self/exe");
        let this = match this.exists() {
            true => this,
            false => std::env::current_exe().ok()?,
        };
        Some((this, [LAUNCH.to_owned(), self.from.to_string()]))
    }
}

/// Becomes a hook, if this program was started as the launcher of one.
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

/// Raises the soft limit to the hard one, like Go does for tusd: each connection
/// is an open file, and so is each part of a final upload while it is locked.
#[cfg(unix)]
pub(crate) fn raise_open_files() -> Option<Raised> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current == limit.maximum {
        return None;
    }
    match set_limit(limit.maximum) {
        Ok(()) => limit.current.map(|from| Raised { from }),
        Err(error) => {
            tracing::debug!(%error, "cannot raise the limit on open files");
            None
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn raise_open_files() -> Option<Raised> {
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

/// Maximum number of open connections: `asked`, or for 0 a third of the limit, so
/// that two thirds are left to the requests on them.
pub(crate) fn max_connections(asked: usize) -> usize {
    match asked {
        0 => third().unwrap_or(usize::MAX),
        asked => asked,
    }
}

/// Maximum number of downloads at once: each holds a file, and a client that reads
/// nothing holds it for long.
pub(crate) fn max_downloads() -> usize {
    const MOST: usize = 4096;
    third().map_or(MOST, |third| third.min(MOST))
}

/// Maximum number of uploads that are written at once: each holds its data file and its lock.
pub(crate) fn max_open_uploads() -> usize {
    const FILES: usize = 2;
    third().map_or(usize::MAX, |third| (third / FILES).max(1))
}

/// A third of the files that clients can cause to be open.
fn third() -> Option<usize> {
    /// Open whatever clients do: listeners, the log, pipes of hooks, files that are
    /// open for one step only.
    const RESERVE: usize = 64;
    most().map(|most| (most.saturating_sub(RESERVE) / 3).max(1))
}

/// The limit on open files, if there is one.
fn most() -> Option<usize> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    limit.and_then(|limit| usize::try_from(limit).ok())
}
