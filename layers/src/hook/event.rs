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
    pub moment: Moment,
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
    pub const fn new(moment: Moment, upload: Upload, request: Arc<Parts>) -> Self {
        Self {
            moment,
            upload,
            request,
        }
    }
}

/// When somebody is asked or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Moment {
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

impl Moment {
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

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Moment {
    type Err = UnknownMoment;

    fn from_str(name: &str) -> Result<Self, UnknownMoment> {
        let known = Self::ALL.into_iter().find(|moment| moment.as_str() == name);
        known.ok_or(UnknownMoment(()))
    }
}

/// The text is not the name of a [`Moment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMoment(());

impl fmt::Display for UnknownMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a moment of an upload")
    }
}

impl std::error::Error for UnknownMoment {}

/// Some of the moments.
///
/// ```
/// use tower_tus_layers::hook::{Moment, Moments};
///
/// let moments: Moments = [Moment::PreCreate, Moment::PostFinish].into_iter().collect();
/// assert!(moments.contains(Moment::PreCreate));
/// assert!(!moments.contains(Moment::PreFinish));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments(u8);

impl Moments {
    /// All of them.
    pub const ALL: Self = Self(0x7f);

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, moment: Moment) -> bool {
        self.0 & moment.bit() != 0
    }
}

/// As tusd has it: all but `pre-finish` and `pre-terminate`.
impl Default for Moments {
    fn default() -> Self {
        let all = Moment::ALL.into_iter();
        all.filter(|moment| !matches!(moment, Moment::PreFinish | Moment::PreTerminate))
            .collect()
    }
}

impl FromIterator<Moment> for Moments {
    fn from_iter<I: IntoIterator<Item = Moment>>(moments: I) -> Self {
        Self(
            moments
                .into_iter()
                .fold(0, |bits, moment| bits | moment.bit()),
        )
    }
}
