use http::HeaderValue;

use super::{BaseUrl, Length, UploadId};

/// What an upload has to do with others: a part of some, or made of some.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concat {
    /// `Upload-Concat` as the client wrote it. CAT-16. Nothing where only its
    /// meaning is known, as of an upload that tusd has made.
    pub raw: Option<HeaderValue>,
    /// Which of the two it is.
    pub role: Role,
}

/// The two kinds of uploads that concatenation knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A piece of finals to come.
    Partial {
        /// The pending finals that wait for it.
        awaited_by: Vec<UploadId>,
    },
    /// Made of other uploads.
    Final {
        /// These, in this order. CAT-05
        parts: Vec<UploadId>,
        /// Not made yet: some of the parts are unfinished. CUF-02
        pending: bool,
    },
}

/// What a new upload has to do with others: the Concatenation layer tells the core
/// what `Upload-Concat` means.
#[derive(Clone, Debug)]
pub(crate) struct NewConcat {
    /// What the upload will be.
    pub(crate) concat: Concat,
    /// Of a final: how many bytes its parts have together, where all tell. CAT-04
    pub(crate) length: Option<Length>,
}

impl Concat {
    /// The word of a client that wrote `raw`.
    #[must_use]
    pub const fn new(role: Role, raw: Option<HeaderValue>) -> Self {
        Self { raw, role }
    }

    /// Whether it is made of other uploads.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.role, Role::Final { .. })
    }

    /// Whether it is to be made of other uploads, of which some are unfinished.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.role, Role::Final { pending: true, .. })
    }

    /// The uploads that it is made of, in their order: none of a partial.
    #[must_use]
    pub fn parts(&self) -> &[UploadId] {
        match &self.role {
            Role::Final { parts, .. } => parts,
            Role::Partial { .. } => &[],
        }
    }

    /// The pending finals that wait for it: none for a final.
    #[must_use]
    pub fn awaited_by(&self) -> &[UploadId] {
        match &self.role {
            Role::Partial { awaited_by } => awaited_by,
            Role::Final { .. } => &[],
        }
    }

    /// `Upload-Concat` as it came, or else as a client could have written it that
    /// finds uploads below `base_url`. CAT-16
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
