use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{InvalidUploadId, UploadId};

/// The resource of a request. Route, or a router in its place, puts it into the
/// request's [`Context`](crate::context::Context).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The resource where uploads are created.
    Collection,
    /// A single upload.
    Upload(UploadId),
}

impl Target {
    /// Parses the part of a path that follows the base path. It is
    /// percent-decoded once, and slashes at both ends are removed; an empty
    /// rest is the collection.
    ///
    /// # Errors
    ///
    /// If the rest is not an [`UploadId`].
    ///
    /// ```
    /// use tower_tus_layers::protocol::Target;
    ///
    /// assert_eq!(Target::from_path("/")?, Target::Collection);
    /// assert_eq!(Target::from_path("/a%2Bb")?, Target::Upload("a+b".parse()?));
    /// assert!(Target::from_path("/%2e%2e/secret").is_err());
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    pub fn from_path(path: &str) -> Result<Self, InvalidUploadId> {
        let decoded = percent_decode_str(path).decode_utf8();
        // No id has bytes that are not UTF-8; an empty segment makes it
        // invalid.
        let path = decoded.unwrap_or(Cow::Borrowed("a//b"));
        match path.trim_matches('/') {
            "" => Ok(Self::Collection),
            id => id.parse().map(Self::Upload),
        }
    }
}
