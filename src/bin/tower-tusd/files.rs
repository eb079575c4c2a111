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
