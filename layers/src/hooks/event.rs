use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::context::Context;
use crate::protocol::{Peer, Upload};

/// Something that is about to happen to an upload, or has happened.
///
/// ```
/// use tower_tus_layers::hooks::{Event, Reply};
///
/// /// An extension that an outer layer has set.
/// #[derive(Clone)]
/// struct User(String);
///
/// async fn below_the_user(event: Event) -> Result<Reply, tower_tus_layers::protocol::BoxError> {
///     let Some(User(name)) = event.extension() else {
///         return Ok(Reply::reject());
///     };
///     Ok(Reply::accept().with_id(format!("{name}/{}", event.upload.id).parse()?))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The kind of event.
    pub kind: HookKind,
    /// The upload at that time. Before creation, its id is final unless the
    /// reply changes it.
    pub upload: Upload,
    /// The request behind the event, without its body: method and headers as
    /// the client sent them, and the extensions that outer layers have set.
    pub request: Arc<Parts>,
}

impl Event {
    /// Creates an event.
    #[must_use]
    pub fn new(kind: HookKind, upload: Upload, request: Arc<Parts>) -> Self {
        Self {
            kind,
            upload,
            request,
        }
    }

    /// Returns the method that the client sent.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// Returns the URI of the request, with the base path.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.request.uri
    }

    /// Returns the headers that the client sent.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Returns the public URL of the upload, like in `Location`.
    #[must_use]
    pub fn url(&self) -> HeaderValue {
        Context::base_url(&self.request).location(&self.upload.id)
    }

    /// Returns the other end of the connection, if the server has set it.
    #[must_use]
    pub fn peer(&self) -> Option<Peer> {
        Context::of(&self.request.extensions).peer()
    }

    /// Returns an extension of the request, such as the user that an outer
    /// layer has authenticated.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.request.extensions.get()
    }
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HookKind {
    /// Before an upload is created.
    PreCreate,
    /// After an upload has been created.
    PostCreate,
    /// While bytes arrive.
    PostReceive,
    /// After the last byte has been stored, and before the response.
    PreFinish,
    /// After an upload has been finished.
    PostFinish,
    /// Before a client terminates an upload.
    PreTerminate,
    /// After an upload has been terminated.
    PostTerminate,
    /// After an upload has been removed because it had expired.
    PostExpire,
}

impl HookKind {
    /// All kinds, in order of occurrence.
    pub const ALL: &'static [Self] = &[
        Self::PreCreate,
        Self::PostCreate,
        Self::PostReceive,
        Self::PreFinish,
        Self::PostFinish,
        Self::PreTerminate,
        Self::PostTerminate,
        Self::PostExpire,
    ];

    /// Returns the name in tusd, such as `pre-create`.
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
            Self::PostExpire => "post-expire",
        }
    }

    /// Returns whether the request waits for the reply: `pre-create`,
    /// `pre-finish`, `pre-terminate`.
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
        let known = Self::ALL.iter().find(|kind| kind.as_str() == name);
        known.copied().ok_or(UnknownHookKind(()))
    }
}

/// Error for a text that is not the name of a [`HookKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownHookKind(());

impl fmt::Display for UnknownHookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a hook")
    }
}

impl std::error::Error for UnknownHookKind {}

/// A set of kinds.
///
/// ```
/// use tower_tus_layers::hooks::{HookKind, HookKinds};
///
/// let kinds: HookKinds = [HookKind::PreCreate, HookKind::PostFinish].into_iter().collect();
/// assert!(kinds.contains(HookKind::PreCreate));
/// assert!(!kinds.contains(HookKind::PreFinish));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookKinds(u8);

impl HookKinds {
    /// All kinds.
    pub const ALL: Self = Self(0xff);

    /// Returns whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: HookKind) -> bool {
        self.0 & kind.bit() != 0
    }
}

/// Like in tusd: all but `pre-finish`, `pre-terminate` and `post-expire`.
impl Default for HookKinds {
    fn default() -> Self {
        let all = HookKind::ALL.iter().copied();
        use HookKind::{PostExpire, PreFinish, PreTerminate};
        all.filter(|kind| !matches!(kind, PreFinish | PreTerminate | PostExpire))
            .collect()
    }
}

impl FromIterator<HookKind> for HookKinds {
    fn from_iter<I: IntoIterator<Item = HookKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}
