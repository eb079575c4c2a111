/// Marks a DELETE that no client has sent: a layer rolls back a creation, or the server
/// removes an upload. No gate runs, and it works even if termination is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollback {
    /// Deletes the upload in any state.
    Always,
    /// Keeps the upload if it is finished.
    #[cfg_attr(not(feature = "hooks"), allow(dead_code))]
    UnlessFinished,
    /// Deletes the upload because it has expired, which the outcome says.
    #[cfg_attr(not(feature = "expiration"), allow(dead_code))]
    Expired,
}
