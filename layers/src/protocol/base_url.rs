use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Target, UploadId};

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

    /// The base of a request: the extension, or else its own path on the
    /// collection, and `/` on an upload.
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        let told = request.extensions.get::<Self>();
        told.cloned().unwrap_or_else(|| match Target::of(request) {
            Ok(Target::Collection) => Self::new(request.uri.path()),
            _ => Self::new("/"),
        })
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

    /// The upload to which a URL leads, as a client writes it: the other way
    /// round of [`location`](Self::location).
    ///
    /// The URL is absolute, begins with a host (`//`) or with a path (`/`), or
    /// is relative to this one. The host is not compared, since a server has
    /// many names; the path has to be below this one's. A query and a fragment
    /// lead nowhere else.
    ///
    /// ```
    /// use tower_tus_layers::protocol::BaseUrl;
    ///
    /// let base = BaseUrl::new("https://example.com/files/");
    /// for url in ["http://localhost/files/a", "//10.0.0.7/files/a", "/files/a", "a"] {
    ///     assert_eq!(base.upload(url), Some("a".parse()?));
    /// }
    /// for url in ["https://example.com/a", "/files/../a", "/files/"] {
    ///     assert_eq!(base.upload(url), None);
    /// }
    /// # Ok::<_, tower_tus_layers::protocol::InvalidUploadId>(())
    /// ```
    #[must_use]
    pub fn upload(&self, url: &str) -> Option<UploadId> {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let url = &url[..end];
        let rest = match path(url) {
            Some(path) => path.strip_prefix(self::path(&self.url)?)?,
            None => url,
        };
        match Target::from_path(rest).ok()? {
            Target::Upload(id) if self.prefix.is_empty() => Some(id),
            Target::Upload(id) => format!("{}{id}", self.prefix).parse().ok(),
            Target::Collection => None,
        }
    }
}

/// The path of a URL, unless it is relative. RFC 3986, section 4.2
fn path(url: &str) -> Option<&str> {
    let authority = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => Some(rest),
        _ => url.strip_prefix("//"),
    };
    match authority {
        Some(rest) => Some(&rest[rest.find('/').unwrap_or(rest.len())..]),
        None => url.starts_with('/').then_some(url),
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
    fn a_url_of_any_form_leads_to_its_upload() {
        for base in ["", "/files", "https://example.com", "http://h:1/a/my files"] {
            for prefix in [None, Some("u")] {
                let base = match prefix {
                    Some(prefix) => BaseUrl::new(base).within(prefix),
                    None => BaseUrl::new(base),
                };
                for id in ["u/a", "u/a/b%2F+c", "u/a:b@c"] {
                    let id: UploadId = id.parse().unwrap();
                    let location = base.location(&id);
                    let location = location.to_str().unwrap();
                    let path = path(location).unwrap();
                    let relative = location.strip_prefix(base.as_str()).unwrap();
                    for url in [
                        location,
                        path,
                        relative,
                        &format!("{path}/?token=/x#y"),
                        &format!("https://other.example{path}"),
                        &format!("//[::1]:8080{path}"),
                    ] {
                        assert_eq!(base.upload(url), Some(id.clone()), "{url} at {base:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_url_leads_out_of_the_base() {
        let base = BaseUrl::new("https://example.com/up/files").within("alice");
        for url in [
            "",
            "?a",
            "/",
            "/up/files",
            "/up/files/",
            "/files/a",
            "/up/filesystem/a",
            "/up/files/../a",
            "/up/files/%2e%2e/bob/a",
            "..",
            "../bob/a",
            "a/../../bob",
            "a//b",
            "a b",
            "%00",
            "%ff",
            "a.info",
            "\u{e4}",
            "https://",
            "https://example.com",
            "//up/files/a",
            "/x://h/up/files/a",
        ] {
            assert_eq!(base.upload(url), None, "{url}");
        }
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
