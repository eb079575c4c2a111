/// How strictly clients must follow the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Like the specification.
    #[default]
    Strict,
    /// Like tusd.
    Lenient,
}

impl Strictness {
    /// Returns whether to accept `what`, which tusd accepts and the protocol
    /// does not. If not, the log mentions that lenient mode would accept it.
    pub(crate) fn forgives(self, what: &str) -> bool {
        if self == Self::Strict {
            tracing::debug!(refused = what, "lenient would accept this");
        }
        self == Self::Lenient
    }
}
