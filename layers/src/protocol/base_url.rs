use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::UploadId;

/// Where uploads live, as the client sees it: a request extension from which
/// `Location` is made.
///
/// A path such as `/files/`, or a whole URL such as `https://example.com/files/`.
/// A layer that finds none takes the request's own path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    url: Arc<str>,
    /// Empty, or with a `/` at its end.
    prefix: Arc<str>,
}

/// What is ASCII and yet in no URL. RFC 3986, section 2
const NOT_IN_A_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl BaseUrl {
    /// What a request was told, or its own path.
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        let told = request.extensions.get::<Self>();
        told.cloned()
            .unwrap_or_else(|| Self::new(request.uri.path()))
    }

    /// `url` with a `/` at its end.
    ///
    /// It may come from a request: what cannot stand in a URL is
    /// percent-encoded, and a path begins with one slash only, since after two
    /// the client would read the name of another server.
    ///
    /// ```
    /// use tower_tus_layers::protocol::BaseUrl;
    ///
    /// assert_eq!(BaseUrl::new("/my files").as_str(), "/my%20files/");
    /// assert_eq!(BaseUrl::new("//evil.example/").as_str(), "/evil.example/");
    /// ```
    #[must_use]
    pub fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let rest = url.trim_start_matches('/');
        let slash = if url == rest { "" } else { "/" };
        Self {
            url: format!("{slash}{}/", utf8_percent_encode(rest, NOT_IN_A_URL)).into(),
            prefix: Arc::default(),
        }
    }

    /// The URL of those uploads whose ids begin with the segments of `prefix`:
    /// it stands for them, and they are not repeated behind it.
    ///
    /// ```
    /// use tower_tus_layers::protocol::BaseUrl;
    ///
    /// let uploads = BaseUrl::new("/users/alice/uploads").within("alice");
    /// assert_eq!(uploads.location(&"alice/4af3".parse()?), "/users/alice/uploads/4af3");
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    #[must_use]
    pub fn within(self, prefix: &str) -> Self {
        let prefix = format!("{}/", prefix.trim_matches('/')).into();
        Self { prefix, ..self }
    }

    /// The URL, which is visible ASCII and ends in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The URL of an upload. CRE-15
    #[must_use]
    pub fn location(&self, id: &UploadId) -> HeaderValue {
        let rest = id.as_str().strip_prefix(&*self.prefix);
        // Of the characters of an id, `%` alone means something else in a URL.
        let rest = rest.unwrap_or(id.as_str()).replace('%', "%25");
        HeaderValue::try_from(format!("{}{rest}", self.url)).expect("a base URL is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_within_a_prefix_stands_for_its_segments() {
        for prefix in ["a", "a/", "/a/"] {
            let base = BaseUrl::new("/u").within(prefix);
            for (id, location) in [("a/b/c", "/u/b/c"), ("ab/c", "/u/ab/c"), ("a", "/u/a")] {
                assert_eq!(base.location(&id.parse().unwrap()), location);
            }
        }
    }

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

    #[test]
    fn no_text_breaks_a_location() {
        let id: UploadId = "a".parse().unwrap();
        for character in '\0'..='\u{1000}' {
            let location = BaseUrl::new(&format!("/a{character}b")).location(&id);
            assert!(location.as_bytes().iter().all(u8::is_ascii_graphic));
        }
    }
}
