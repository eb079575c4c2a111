//! The URL of a hook server, and the redirects that it may send.

use std::str::FromStr;

use http::uri::{Authority, Parts, PathAndQuery};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::HttpHooksError;

/// The URL of a server, and the credentials from it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Returns the URL without credentials.
    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the `Authorization` header, if the URL has a user.
    pub(super) const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Formats the URL for the log.
    pub(super) fn place(&self) -> String {
        place(&self.uri)
    }

    /// Resolves `location` against `base`, if the result is on the same server.
    pub(super) fn follow(&self, base: &Uri, location: &str) -> Option<Uri> {
        let (location, _) = location.split_once('#').unwrap_or((location, ""));
        let path = match relative(base, location) {
            Some(path) => path.parse().ok()?,
            None => self.own_path(location)?,
        };
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }

    /// Returns the path and query of an absolute URL on the same server.
    fn own_path(&self, location: &str) -> Option<PathAndQuery> {
        let uri: Uri = match location.strip_prefix("//") {
            Some(rest) => format!("{}://{rest}", self.uri.scheme()?).parse().ok()?,
            None => location.parse().ok()?,
        };
        let is_own = origin(&uri) == origin(&self.uri);
        uri.into_parts().path_and_query.filter(|_| is_own)
    }
}

/// Resolves a reference without a server to a path and query.
fn relative(base: &Uri, location: &str) -> Option<String> {
    let (path, query) = match location.find('?') {
        Some(at) => location.split_at(at),
        None => (location, ""),
    };
    let first = path.split('/').next().unwrap_or_default();
    if path.starts_with("//") || first.contains(':') {
        return None;
    }
    let base = base.path();
    let path = match path.chars().next() {
        Some('/') => without_dots(path),
        Some(_) => {
            let directory = base.rfind('/').map_or("/", |slash| &base[..=slash]);
            without_dots(&format!("{directory}{path}"))
        }
        None => base.to_owned(),
    };
    Some(path + query)
}

/// Removes `.` and `..` segments from a path.
fn without_dots(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    format!("/{}", segments.join("/"))
}

impl FromStr for Target {
    type Err = HttpHooksError;

    fn from_str(url: &str) -> Result<Self, HttpHooksError> {
        let uri: Uri = url.parse().map_err(|_| not_a_url())?;
        let Parts {
            scheme,
            authority,
            path_and_query,
            ..
        } = uri.into_parts();
        let scheme = scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https"));
        let (Some(scheme), Some(authority)) = (scheme, authority) else {
            return Err(not_a_url());
        };
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        let authorization = user.and_then(basic);
        let host: Authority = host.parse().map_err(|_| not_a_url())?;
        if host.host().is_empty() || host.as_str().len() != length(&host) {
            return Err(not_a_url());
        }
        let mut parts = Parts::default();
        parts.scheme = Some(scheme);
        parts.authority = Some(host);
        parts.path_and_query =
            Some(path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/")));
        let uri = Uri::from_parts(parts).map_err(|_| not_a_url())?;
        Ok(Self { uri, authorization })
    }
}

fn not_a_url() -> HttpHooksError {
    HttpHooksError("not an http or https URL".into())
}

/// Returns the length of host and port, to find authorities that contain
/// anything else: `Authority` accepts them.
fn length(authority: &Authority) -> usize {
    let port = authority.port().map_or(0, |port| 1 + port.as_str().len());
    authority.host().len() + port
}

/// Encodes credentials as in RFC 7617.
fn basic(user: &str) -> Option<HeaderValue> {
    use base64::Engine;

    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let pair = base64::prelude::BASE64_STANDARD.encode(pair);
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Formats a URL without its secrets: user, password and query.
pub(super) fn place(uri: &Uri) -> String {
    let (scheme, host, port) = origin(uri);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{host}{port}{}", uri.path())
}

/// Returns the scheme, the host, and the port if it is not the default one.
fn origin(uri: &Uri) -> (&str, String, Option<u16>) {
    let scheme = uri.scheme_str().unwrap_or_default();
    let own = match scheme {
        "https" => 443,
        _ => 80,
    };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (scheme, host, uri.port_u16().filter(|&port| port != own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        url.parse().unwrap()
    }

    #[test]
    fn only_a_url_of_a_server_will_do() {
        for url in [
            "http://a",
            "https://a:1/b?c=d",
            "http://[::1]:1/",
            "HTTP://A",
            "http://a?b",
            "http://user:pass@a/",
        ] {
            assert!(url.parse::<Target>().is_ok(), "{url}");
        }
        for url in [
            "",
            "a",
            "a:1/b",
            "/a",
            "ftp://a",
            "unix:/a",
            "http://",
            "http://:80/",
            "http://a:99999/",
            "http://a:/",
            "http://user@/",
            "http://h\u{f6}oks.example/",
            "http://a b/",
        ] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }

    #[test]
    fn credentials_leave_the_url_and_are_decoded() {
        let target = target("http://us%40er:p%3Ass@hooks.example:1/a?b");
        assert_eq!(target.uri(), "http://hooks.example:1/a?b");
        // us@er:p:ss
        assert_eq!(target.authorization().unwrap(), "Basic dXNAZXI6cDpzcw==");
        assert!(!format!("{target:?}").contains("dXNAZXI6cDpzcw"));
    }

    #[test]
    fn the_log_has_neither_credentials_nor_the_query() {
        let target = target("https://user:pass@hooks.example:443/a?secret=1");
        assert_eq!(target.place(), "https://hooks.example/a");
    }

    #[test]
    fn a_location_is_resolved_on_the_same_server() {
        let target = target("http://hooks.example/a/b?c");
        for (location, to) in [
            ("/d?e", "http://hooks.example/d?e"),
            ("d", "http://hooks.example/a/d"),
            ("./d:e", "http://hooks.example/a/d:e"),
            ("../d", "http://hooks.example/d"),
            ("../../d", "http://hooks.example/d"),
            ("/a/b/..", "http://hooks.example/a/"),
            (".", "http://hooks.example/a/"),
            ("?e", "http://hooks.example/a/b?e"),
            ("?e=http://x", "http://hooks.example/a/b?e=http://x"),
            ("d#f", "http://hooks.example/a/d"),
            ("http://hooks.example:80/d", "http://hooks.example/d"),
            ("http://user@hooks.example/d", "http://hooks.example/d"),
            ("http://HOOKS.example/d", "http://hooks.example/d"),
            ("//hooks.example/d", "http://hooks.example/d"),
        ] {
            let found = target.follow(target.uri(), location);
            assert_eq!(found.unwrap(), to, "{location}");
        }
    }

    #[test]
    fn a_location_on_another_server_leads_nowhere() {
        let target = target("http://hooks.example/a");
        for location in [
            "https://hooks.example/a",
            "http://hooks.example:8080/a",
            "http://stranger.example/a",
            "//stranger.example/a",
            "http://hooks.example@stranger.example/",
            "http:d",
            "mailto:a@b",
            "d:e",
            "http://hooks.example/ a",
            "/ a",
        ] {
            assert_eq!(target.follow(target.uri(), location), None, "{location}");
        }
    }
}
