/// Marks a DELETE by which a layer takes an upload back, without asking any gate
/// and also where clients cannot terminate uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollback {
    /// Whatever the state of the upload.
    Always,
    /// A finished upload stays.
    #[cfg_attr(not(feature = "hooks"), allow(dead_code))]
    UnlessFinished,
}
