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

/// How many connections may be open at once: as many as are asked for, or for 0 a
/// third of all files, so that two thirds are left to the requests on them.
pub(crate) fn max_connections(asked: usize) -> usize {
    match (asked, most()) {
        (0, Some(most)) => (most.saturating_sub(RESERVE) / 3).max(1),
        (0, None) => usize::MAX,
        (asked, _) => asked,
    }
}

/// Files that are open whatever clients do: sockets, the log, pipes of hooks.
const RESERVE: usize = 64;

/// How many downloads may be in progress at once: each holds a file, and a
/// client that reads nothing holds it for long, so others get the larger part.
pub(crate) fn max_downloads() -> usize {
    const MOST: usize = 4096;
    let third = most().map(|most| most / 3);
    third.map_or(MOST, |third| third.min(MOST))
}

/// How many files may be open, if there is a limit.
fn most() -> Option<usize> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    limit.and_then(|limit| usize::try_from(limit).ok())
}
