use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{InvalidUploadId, UploadId};

/// What a request is about: a request extension that Route sets, or whoever
/// routes in its place.
///
/// A layer that finds none reads the request's whole path by [`Target::from_path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The place where uploads are created.
    Collection,
    /// One upload.
    Upload(UploadId),
}

impl Target {
    /// Reads what follows the base path. It is percent-decoded once, and
    /// slashes at both ends are trimmed; nothing left is the collection.
    ///
    /// # Errors
    ///
    /// When the rest is not an [`UploadId`].
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
        // Bytes that are not UTF-8 are in no id; the empty segment makes it invalid.
        let path = decoded.unwrap_or(Cow::Borrowed("a//b"));
        match path.trim_matches('/') {
            "" => Ok(Self::Collection),
            id => id.parse().map(Self::Upload),
        }
    }

    /// The target of a request: the extension, or what its path says.
    ///
    /// # Errors
    ///
    /// When there is no extension and the path is not a target.
    pub fn of(parts: &http::request::Parts) -> Result<Self, InvalidUploadId> {
        match parts.extensions.get::<Self>() {
            Some(target) => Ok(target.clone()),
            None => Self::from_path(parts.uri.path()),
        }
    }
}
