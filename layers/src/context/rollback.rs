/// Marks a DELETE with which a layer rolls back a creation. No gate runs, and it
/// works even if termination is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollback {
    /// Deletes the upload in any state.
    Always,
    /// Keeps the upload if it is finished.
    #[cfg_attr(not(feature = "hooks"), allow(dead_code))]
    UnlessFinished,
}
