use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::UploadId;

/// The URL below which clients find their uploads: a path such as `/files/`, or
/// a whole URL such as `https://example.com/files/`. `Location` begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    url: Arc<str>,
    /// Empty, or ends with a `/`.
    prefix: Arc<str>,
    hosts: Hosts,
}

/// Which hosts an absolute URL in `Upload-Concat` may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hosts {
    /// Those of this URL and of the request.
    #[default]
    Own,
    /// Any: only a proxy knows the name that clients use.
    Any,
}

/// Maximum number of segments in an upload's path if it does not contain the
/// base path, because a proxy has stripped it. Bounds the search.
const MAX_SEGMENTS: usize = 16;

/// ASCII characters that cannot occur in a URL. RFC 3986, section 2
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
    /// Creates a base URL from `url`, and adds a `/` at the end if there is
    /// none.
    ///
    /// The text may come from a request: characters that cannot occur in a URL
    /// are percent-encoded, and leading slashes of a path are reduced to one,
    /// because clients would read what follows `//` as a host name.
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
            url: [slash, &escaped(rest), "/"].concat().into(),
            prefix: Arc::default(),
            hosts: Hosts::Own,
        }
    }

    /// Makes this the URL of uploads whose ids begin with the segments of
    /// `prefix`. It stands for these segments, so they are not repeated after
    /// it.
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

    /// Accepts absolute URLs of any host in `Upload-Concat`. Needed behind a
    /// proxy if only the proxy knows the host name that clients use. By default
    /// the host must be that of this URL or of the request.
    #[must_use]
    pub fn of_any_host(self) -> Self {
        let hosts = Hosts::Any;
        Self { hosts, ..self }
    }

    /// Returns the URL, which consists of visible ASCII and ends with a `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the URL of an upload.
    // CRE-15
    #[must_use]
    pub fn location(&self, id: &UploadId) -> HeaderValue {
        let rest = id.as_str().strip_prefix(&*self.prefix);
        // `%` is the only character of an id that has another meaning in a URL.
        let rest = rest.unwrap_or(id.as_str()).replace('%', "%25");
        let location = [&self.url, &*rest].concat();
        HeaderValue::try_from(location).expect("a base URL is visible ASCII")
    }

    /// Lists the uploads that a URL in `Upload-Concat` may name, the most
    /// likely first. This is the reverse of [`location`](Self::location).
    ///
    /// The URL may be absolute, begin with a host (`//`) or a path (`/`), or be
    /// relative to this one. Its query and fragment are ignored. The host must
    /// be that of this URL, of the request's URI or of its `Host`, or a
    /// loopback one, except with [`of_any_host`](Self::of_any_host).
    ///
    /// A proxy may have stripped a prefix that the client's URLs still contain.
    /// Therefore the candidates are the path below this URL's, what follows the
    /// last occurrence of this URL's path, and every suffix of the path, the
    /// longest first. The caller must check which of them exist and may be
    /// used.
    ///
    /// ```
    /// use http::Request;
    /// use tower_tus_layers::protocol::BaseUrl;
    ///
    /// let request = Request::post("/files/").header("Host", "localhost:8080");
    /// let (request, ()) = request.body(())?.into_parts();
    /// let base = BaseUrl::new("https://example.com/files/");
    /// for url in ["http://localhost/files/a", "//example.com/files/a", "/api/files/a", "a"] {
    ///     assert_eq!(base.candidates(url, &request)[0].as_str(), "a");
    /// }
    /// for url in ["https://other.example/files/a", "/files/../a", "/"] {
    ///     assert!(base.candidates(url, &request).is_empty());
    /// }
    /// # Ok::<_, http::Error>(())
    /// ```
    #[must_use]
    pub fn candidates(&self, url: &str, request: &Parts) -> Vec<UploadId> {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let (authority, path) = split(&url[..end]);
        if authority.is_some_and(|authority| !self.is_host(authority, request)) {
            return Vec::new();
        }
        // The base path need not be UTF-8, as this URL need not. An id always is.
        let path = percent_decode_str(path).decode_utf8_lossy();
        let path = path.trim_end_matches('/');
        let mut candidates = Vec::new();
        for rest in self.rests(path) {
            let id = format!("{}{rest}", self.prefix).parse();
            candidates.extend(id.ok().filter(|id| !candidates.contains(id)));
        }
        candidates
    }

    /// Returns the parts of a decoded path that may be an id below this URL.
    fn rests<'a>(&self, path: &'a str) -> Vec<&'a str> {
        let base = percent_decode_str(self::split(&self.url).1).decode_utf8_lossy();
        // A relative path is below this URL's path.
        let below = match path.starts_with('/') {
            true => path.strip_prefix(&*base),
            false => Some(path),
        };
        let last = path.rfind(&*base).map(|at| &path[at + base.len()..]);
        // A base path of `/` occurs everywhere.
        let last = last.filter(|_| base.len() > 1);
        // A path with such segments leads elsewhere, unless they are those of this URL.
        let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
        if segments.any(|segment| matches!(segment, "" | "." | "..")) {
            return below.into_iter().collect();
        }
        let suffixes = path.rmatch_indices('/').take(MAX_SEGMENTS);
        let mut suffixes: Vec<_> = suffixes.map(|(at, _)| &path[at + 1..]).collect();
        suffixes.reverse();
        // A prefix with these characters would be a list with another
        // separator.
        let prefix = |rest: &str| &path[..path.len() - rest.len()];
        let stripped = last.into_iter().chain(suffixes);
        let stripped = stripped.filter(|rest| !prefix(rest).contains([',', ';']));
        below.into_iter().chain(stripped).collect()
    }

    /// Returns whether an authority names this server. Ports are not compared,
    /// because a proxy may listen on another one.
    fn is_host(&self, authority: &str, request: &Parts) -> bool {
        if self.hosts == Hosts::Any {
            return true;
        }
        let Some(host) = host(authority) else {
            return false;
        };
        let own = request.uri.authority().map(Authority::as_str);
        let own = own.into_iter().chain(split(&self.url).0);
        let own = own
            .chain(named_hosts(&request.headers))
            .filter_map(self::host);
        let mut own = own.peekable();
        // Without any host of our own there is nothing to compare with.
        own.peek().is_none() || is_loopback(&host) || own.any(|own| own.eq_ignore_ascii_case(&host))
    }
}

/// Escapes what must not stand in a URL.
fn escaped(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_IN_A_URL).into()
}

/// A client that uses a loopback host runs on this machine, whatever its `Host`
/// is.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn named_hosts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let hosts = headers.get_all(HOST).iter();
    hosts.filter_map(|host| host.to_str().ok())
}

/// Returns the host of an authority, without user and port.
fn host(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok()?;
    Some(authority.host().to_owned())
}

/// Splits a URL into authority and path; the path of a relative URL has no
/// leading slash. RFC 3986, section 4.2
fn split(url: &str) -> (Option<&str>, &str) {
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => Some(rest),
        _ => url.strip_prefix("//"),
    };
    match rest {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(authority), path)
        }
        None => (None, url),
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

    /// Builds a request with this `Host`, if any.
    fn to(host: Option<&str>) -> Parts {
        let request = http::Request::post("/files/");
        let request = host.iter().fold(request, |it, host| it.header(HOST, *host));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_url_of_any_form_leads_to_its_upload() {
        let request = to(Some("[::1]"));
        for base in [
            "",
            "/files",
            "/a//b/./files",
            "https://example.com",
            "http://h:1/a/my files",
        ] {
            for prefix in [None, Some("u")] {
                let base = match prefix {
                    Some(prefix) => BaseUrl::new(base).within(prefix),
                    None => BaseUrl::new(base),
                };
                for id in ["u/a", "u/a/b%2F+c", "u/a:b@c"] {
                    let id: UploadId = id.parse().unwrap();
                    let location = base.location(&id);
                    let location = location.to_str().unwrap();
                    let path = split(location).1;
                    let relative = location.strip_prefix(base.as_str()).unwrap();
                    for url in [
                        location,
                        path,
                        relative,
                        &format!("{path}/?token=/x#y"),
                        &format!("//[::1]:8080{path}"),
                    ] {
                        let candidates = base.candidates(url, &request);
                        assert_eq!(candidates[0], id, "{url} at {base:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn behind_a_stripped_prefix_the_last_base_path_counts_and_then_each_suffix() {
        let request = to(None);
        let base = BaseUrl::new("/files/");
        let ids = |base: &BaseUrl, url| {
            let ids = base.candidates(url, &request);
            ids.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for (url, expected) in [
            ("/api/files/a", &["a", "api/files/a", "files/a"][..]),
            (
                "/api/files/a/b",
                &["a/b", "api/files/a/b", "files/a/b", "b"],
            ),
            ("/files/files/a", &["files/a", "a", "files/files/a"]),
            ("/api%2Ffiles%2Fa", &["a", "api/files/a", "files/a"]),
            ("/up/a", &["up/a", "a"]),
            ("up/a", &["up/a", "a"]),
        ] {
            assert_eq!(ids(&base, url), expected, "{url}");
        }
        let list = ids(&base, "/files/a,/files/b");
        assert!(!list.contains(&"b".to_owned()), "{list:?}");
        let root = BaseUrl::new("/");
        assert_eq!(ids(&root, "/up/a/b"), ["up/a/b", "a/b", "b"]);
        let own = base.within("alice");
        assert_eq!(ids(&own, "/up/a"), ["alice/up/a", "alice/a"]);
        let long = "/a".repeat(100);
        assert!(ids(&root, &long).len() <= MAX_SEGMENTS + 2);
    }

    #[test]
    fn another_host_counts_behind_a_proxy_only() {
        let base = BaseUrl::new("https://example.com/files");
        let other = "https://other.example/files/a";
        for (host, url, count) in [
            (Some("h:80"), "http://H/files/a", true),
            (Some("h"), "http://h:8443/files/a", true),
            (Some("h"), "//user@EXAMPLE.com/files/a", true),
            (Some("h"), "http://127.0.0.1:1080/files/a", true),
            (Some("h"), "http://[::1]/files/a", true),
            (Some("h"), "http://LOCALHOST/files/a", true),
            (Some("h"), "http://10.0.0.7/files/a", false),
            (Some("h"), "https://hh/files/a", false),
            (Some("h"), "https://h.example.com/files/a", false),
            (Some("h"), "https://exa mple/files/a", false),
            (Some("h"), "https:///files/a", false),
            (None, other, false),
            (Some("h"), other, false),
        ] {
            let request = to(host);
            let found = !base.candidates(url, &request).is_empty();
            assert_eq!(found, count, "{url} sent to {host:?}");
        }
        for base in [base.clone().of_any_host(), BaseUrl::new("/files")] {
            let found = base.candidates(other, &to(None));
            assert_eq!(found[0].as_str(), "a", "{base:?}");
        }
        let over_http_2 = http::Request::post("https://h:8443/files/").body(());
        let (request, ()) = over_http_2.unwrap().into_parts();
        assert!(!base.candidates("https://h/files/a", &request).is_empty());
        assert!(base.candidates(other, &request).is_empty());
    }

    #[test]
    fn no_url_leads_out_of_the_base() {
        let base = BaseUrl::new("https://example.com/up/files").within("alice");
        for url in [
            "",
            "?a",
            "/",
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
        ] {
            assert!(base.candidates(url, &to(Some("h"))).is_empty(), "{url}");
        }
        for url in ["/files/a", "/up/filesystem/a", "/bob/a", "/x://h/a"] {
            let candidates = base.candidates(url, &to(None));
            assert!(
                candidates
                    .iter()
                    .all(|id| id.as_str().starts_with("alice/"))
            );
        }
    }

    #[test]
    fn a_location_below_a_base_that_is_not_utf_8_leads_back_to_its_upload() {
        let id: UploadId = "a/50%".parse().unwrap();
        for url in ["/%ff/files/", "https://h/a/%3%e2E/b"] {
            let base = BaseUrl::new(url);
            let location = base.location(&id);
            let candidates = base.candidates(location.to_str().unwrap(), &to(Some("h")));
            assert_eq!(candidates[0], id, "{url}");
        }
        let base = BaseUrl::new("/files/");
        for url in ["/files/%ff", "/files/a%ff", "/files/%ff/", "%e2%82"] {
            assert!(base.candidates(url, &to(None)).is_empty(), "{url}");
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
