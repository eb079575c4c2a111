//! What the model knows only in part.

/// Whether something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Whether {
    #[default]
    No,
    /// It depends on what the model does not know.
    Perhaps,
    Yes,
}

impl Whether {
    pub(crate) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }

    /// Returns what is so in each of several states.
    pub(crate) fn in_all(states: impl IntoIterator<Item = Self>) -> Self {
        let mut states = states.into_iter();
        let first = states.next().unwrap_or_default();
        match states.all(|state| state == first) {
            true => first,
            false => Self::Perhaps,
        }
    }

    /// Returns whether any of several things is so.
    pub(crate) fn any(things: impl IntoIterator<Item = Self>) -> Self {
        let things = things.into_iter();
        things.fold(Self::No, |any, thing| match (any, thing) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Perhaps, _) | (_, Self::Perhaps) => Self::Perhaps,
            (Self::No, Self::No) => Self::No,
        })
    }
}

impl From<bool> for Whether {
    fn from(is_so: bool) -> Self {
        match is_so {
            true => Self::Yes,
            false => Self::No,
        }
    }
}
