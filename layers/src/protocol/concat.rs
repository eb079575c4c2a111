use http::HeaderValue;

use super::{BaseUrl, Length, UploadId};

/// Relates an upload to others: it is a part of some, or made of some.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concat {
    /// `Upload-Concat` as the client sent it. `None` if only the meaning is
    /// known, for example for an upload created by tusd.
    // CAT-16
    pub raw: Option<HeaderValue>,
    /// Whether the upload is partial or final.
    pub role: Role,
}

/// The two kinds of uploads in concatenation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A part of final uploads.
    Partial {
        /// The pending finals that wait for this partial.
        awaited_by: Vec<UploadId>,
    },
    /// Made of other uploads.
    Final {
        /// The parts, in this order.
        // CAT-05
        parts: Vec<UploadId>,
        /// Whether concatenation is still due because some parts are
        /// unfinished.
        // CUF-02
        pending: bool,
    },
}

/// The meaning of `Upload-Concat` for a new upload, passed from the
/// Concatenation layer to the core.
#[derive(Clone, Debug)]
pub(crate) struct NewConcat {
    /// How the upload will relate to others.
    pub(crate) concat: Concat,
    /// For a final: the total length of its parts, if all are known.
    // CAT-04
    pub(crate) length: Option<Length>,
}

impl Concat {
    /// Creates the relation that a client expressed with `raw`.
    #[must_use]
    pub const fn new(role: Role, raw: Option<HeaderValue>) -> Self {
        Self { raw, role }
    }

    /// Returns whether the upload is made of other uploads.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.role, Role::Final { .. })
    }

    /// Returns whether the upload waits for unfinished parts.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.role, Role::Final { pending: true, .. })
    }

    /// Returns the uploads that it is made of, in order; empty for a partial.
    #[must_use]
    pub fn parts(&self) -> &[UploadId] {
        match &self.role {
            Role::Final { parts, .. } => parts,
            Role::Partial { .. } => &[],
        }
    }

    /// Returns the pending finals that wait for it; empty for a final.
    #[must_use]
    pub fn awaited_by(&self) -> &[UploadId] {
        match &self.role {
            Role::Partial { awaited_by } => awaited_by,
            Role::Final { .. } => &[],
        }
    }

    /// Returns `Upload-Concat` as it was sent, or else as a client of
    /// `base_url` could have sent it.
    // CAT-16
    #[must_use]
    pub fn header(&self, base_url: impl FnOnce() -> BaseUrl) -> HeaderValue {
        match (&self.raw, &self.role) {
            (Some(raw), _) => raw.clone(),
            (None, Role::Partial { .. }) => HeaderValue::from_static("partial"),
            (None, Role::Final { parts, .. }) => list(&base_url(), parts),
        }
    }
}

fn list(base: &BaseUrl, parts: &[UploadId]) -> HeaderValue {
    let urls: Vec<_> = parts.iter().map(|part| base.location(part)).collect();
    let urls: Vec<_> = urls.iter().map(HeaderValue::as_bytes).collect();
    let list = [&b"final;"[..], &urls.join(&b' ')].concat();
    HeaderValue::try_from(list).expect("URLs and spaces make a value")
}
