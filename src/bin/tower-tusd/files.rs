//! How many files may be open at once.

/// Takes as many as the system lets have, as Go does for tusd: each connection
/// is one, and so is each part of a final upload while it is locked.
pub(crate) fn take_all() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "no more files may be open than before");
        }
    }
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
