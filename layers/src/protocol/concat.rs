use http::HeaderValue;

use super::UploadId;

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

impl Concat {
    /// The word of a client that wrote `raw`.
    #[must_use]
    pub const fn new(role: Role, raw: Option<HeaderValue>) -> Self {
        Self { raw, role }
    }
}
