//! Why the server does not start.

use std::error::Error;
use std::{fmt, iter};

type Source = Box<dyn Error + Send + Sync>;

/// Returns an error with its reasons.
pub(crate) fn in_full(error: &(dyn Error + 'static)) -> String {
    let reasons = iter::successors(Some(error), |&error| error.source());
    let reasons: Vec<_> = reasons.map(ToString::to_string).collect();
    reasons.join(": ")
}

/// Why the server does not start. Displayed as one line.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The flags exclude each other, or one lacks another.
    Flags(String),
    /// A resource that the flags name, or that the system grants, cannot be used.
    Unusable { what: String, source: Source },
}

impl StartError {
    /// `what` says in words what failed, or which flag is to blame.
    pub(crate) fn unusable(what: impl Into<String>, source: impl Into<Source>) -> Self {
        let (what, source) = (what.into(), source.into());
        Self::Unusable { what, source }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags(conflict) => f.write_str(conflict),
            Self::Unusable { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Flags(_) => None,
            Self::Unusable { source, .. } => Some(&**source),
        }
    }
}
