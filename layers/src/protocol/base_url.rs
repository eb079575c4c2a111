use std::sync::Arc;

use http::HeaderValue;

use super::UploadId;

/// Where uploads live, as the client sees it: a request extension from which
/// `Location` is made.
///
/// A path such as `/files/`, or a whole URL such as `https://example.com/files/`.
/// A layer that finds none takes the request's own path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Arc<str>);

impl BaseUrl {
    /// `url` with a `/` at its end.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(format!("{}/", url.trim_end_matches('/')).into())
    }

    /// The URL, which ends in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of an upload. CRE-15
    ///
    /// # Panics
    ///
    /// When the base has bytes that cannot stand in a header.
    #[must_use]
    pub fn location(&self, id: &UploadId) -> HeaderValue {
        // Of the characters of an id, `%` alone means something else in a URL.
        let id = id.as_str().replace('%', "%25");
        HeaderValue::try_from(format!("{}{id}", self.0)).expect("a base URL is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_back_to_the_id() {
        for base in ["", "/", "/files", "/files/", "https://example.com/files"] {
            assert!(BaseUrl::new(base).as_str().ends_with('/'));
        }
        let location = BaseUrl::new("/files").location(&"a/b%2F+c".parse().unwrap());
        assert_eq!(location, "/files/a/b%252F+c");
        let path = location.to_str().unwrap().strip_prefix("/files").unwrap();
        let target = crate::protocol::Target::from_path(path).unwrap();
        assert_eq!(
            target,
            crate::protocol::Target::Upload("a/b%2F+c".parse().unwrap())
        );
    }
}
