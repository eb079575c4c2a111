/// How exactly a client has to keep to the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// As it stands there.
    #[default]
    Strict,
    /// As tusd takes it.
    Lenient,
}

impl Strictness {
    /// Whether this passes, which tusd accepts and the protocol does not.
    /// Where it does not pass, the log says what would have helped.
    pub(crate) fn forgives(self, what: &str) -> bool {
        if self == Self::Strict {
            tracing::debug!(refused = what, "lenient would accept this");
        }
        self == Self::Lenient
    }
}
