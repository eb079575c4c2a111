use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::request::Parts;

use crate::protocol::Upload;

/// Something that is about to happen to an upload, or has happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Which moment it is.
    pub kind: HookKind,
    /// The upload then. Before its creation it has the id that it will have
    /// unless the reply says otherwise.
    pub upload: Upload,
    /// The request that it comes from, less its body: method and headers as the
    /// client sent them, and the extensions that outer layers have set.
    pub request: Arc<Parts>,
}

impl Event {
    /// The event of `moment`.
    #[must_use]
    pub const fn new(kind: HookKind, upload: Upload, request: Arc<Parts>) -> Self {
        Self {
            kind,
            upload,
            request,
        }
    }
}

/// When somebody is asked or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HookKind {
    /// Before an upload is made.
    PreCreate,
    /// After an upload was made.
    PostCreate,
    /// While its bytes arrive.
    PostReceive,
    /// After its last byte was stored, and before the client is told.
    PreFinish,
    /// After it was finished.
    PostFinish,
    /// Before a client ends it.
    PreTerminate,
    /// After it was ended.
    PostTerminate,
}

impl HookKind {
    /// All moments.
    pub const ALL: [Self; 7] = [
        Self::PreCreate,
        Self::PostCreate,
        Self::PostReceive,
        Self::PreFinish,
        Self::PostFinish,
        Self::PreTerminate,
        Self::PostTerminate,
    ];

    /// Its name, as tusd has it: `pre-create`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreCreate => "pre-create",
            Self::PostCreate => "post-create",
            Self::PostReceive => "post-receive",
            Self::PreFinish => "pre-finish",
            Self::PostFinish => "post-finish",
            Self::PreTerminate => "pre-terminate",
            Self::PostTerminate => "post-terminate",
        }
    }

    /// Whether something waits for the reply: `pre-create`, `pre-finish`, `pre-terminate`.
    #[must_use]
    pub const fn is_question(self) -> bool {
        matches!(self, Self::PreCreate | Self::PreFinish | Self::PreTerminate)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for HookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HookKind {
    type Err = UnknownHookKind;

    fn from_str(name: &str) -> Result<Self, UnknownHookKind> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or(UnknownHookKind(()))
    }
}

/// The text is not the name of a [`HookKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownHookKind(());

impl fmt::Display for UnknownHookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a hook")
    }
}

impl std::error::Error for UnknownHookKind {}

/// Some of the moments.
///
/// ```
/// use tower_tus_layers::hooks::{HookKind, HookKinds};
///
/// let moments: HookKinds = [HookKind::PreCreate, HookKind::PostFinish].into_iter().collect();
/// assert!(moments.contains(HookKind::PreCreate));
/// assert!(!moments.contains(HookKind::PreFinish));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookKinds(u8);

impl HookKinds {
    /// All of them.
    pub const ALL: Self = Self(0x7f);

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, kind: HookKind) -> bool {
        self.0 & kind.bit() != 0
    }
}

/// As tusd has it: all but `pre-finish` and `pre-terminate`.
impl Default for HookKinds {
    fn default() -> Self {
        let all = HookKind::ALL.into_iter();
        all.filter(|kind| !matches!(kind, HookKind::PreFinish | HookKind::PreTerminate))
            .collect()
    }
}

impl FromIterator<HookKind> for HookKinds {
    fn from_iter<I: IntoIterator<Item = HookKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}
