//! A request in the representation of a Go server.

use std::collections::BTreeMap;

use http::header::{COOKIE, HOST, TRAILER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderName, Version};
use tower_tus_layers::context::Context;

use super::text::text;

/// Returns the headers under Go's names, without those that frame the message,
/// and always with the host that a client has named.
pub(in crate::hooks) fn headers(request: &Parts) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<_, _> = request
        .headers
        .keys()
        .filter(|&name| name != TRAILER && name != TRANSFER_ENCODING)
        .map(|name| (canonical(name), values(request, name)))
        .collect();
    if !Context::of(&request.extensions).is_internal() {
        headers.insert(canonical(&HOST), vec![host(request)]);
    }
    headers
}

fn values(request: &Parts, name: &HeaderName) -> Vec<String> {
    let values = request.headers.get_all(name).iter();
    let values = values.map(|value| text(value.as_bytes()).into_owned());
    // HTTP/2 may send each cookie in a header line of its own.
    if name == COOKIE && request.version == Version::HTTP_2 {
        return vec![values.collect::<Vec<_>>().join("; ")];
    }
    values.collect()
}

/// Converts `x-request-id` to `X-Request-Id`.
fn canonical(name: &HeaderName) -> String {
    let mut begins = true;
    let letters = name.as_str().chars().map(|letter| {
        let letter = match begins {
            true => letter.to_ascii_uppercase(),
            false => letter,
        };
        begins = letter == '-';
        letter
    });
    letters.collect()
}

/// Returns the requested host: from the request target, or else from the
/// header.
fn host(request: &Parts) -> String {
    if let Some(authority) = request.uri.authority() {
        let authority = authority.as_str();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        return host.to_owned();
    }
    let header = request.headers.get(HOST);
    header.map_or_else(String::new, |host| text(host.as_bytes()).into_owned())
}

/// Returns the request target, as in the request line or in `:path`.
pub(in crate::hooks) fn target(request: &Parts) -> String {
    match request.uri.path_and_query() {
        Some(path) if request.version == Version::HTTP_2 => path.to_string(),
        _ => request.uri.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names_are_go_s_and_values_are_lists() {
        let bytes = HeaderValue::from_bytes(b"\xe4").unwrap();
        let request = Request::patch("/files/a?b=c")
            .header("host", "tus:80")
            .header("x-request-id", "1")
            .header("www-AUTHENTICATE", "a")
            .header("www-authenticate", "b")
            .header("trailer", "upload-checksum")
            .header("transfer-encoding", "chunked")
            .header("x-bytes", bytes);
        let headers = headers(&parts(request));
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, values)| (name.as_str(), values.join("|")))
            .collect();
        let expected = [
            ("Host", "tus:80"),
            ("Www-Authenticate", "a|b"),
            ("X-Bytes", "\u{fffd}"),
            ("X-Request-Id", "1"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, text)| (name, text.to_owned()))
        );
    }

    #[test]
    fn the_host_is_whom_the_client_asked() {
        for (uri, header, host) in [
            ("/", Some("a:1"), "a:1"),
            ("/", None, ""),
            ("http://b:2/", Some("a:1"), "b:2"),
            ("http://me:secret@b/", None, "b"),
        ] {
            let mut request = Request::get(uri);
            if let Some(header) = header {
                request = request.header("host", header);
            }
            assert_eq!(headers(&parts(request))["Host"], [host], "{uri} {header:?}");
        }
    }

    #[test]
    fn crumbs_of_cookies_are_joined_in_http_2() {
        for (version, cookies) in [
            (Version::HTTP_2, &["a=1; b=2"][..]),
            (Version::HTTP_11, &["a=1", "b=2"]),
        ] {
            let request = Request::get("/").version(version);
            let request = request.header("cookie", "a=1").header("cookie", "b=2");
            assert_eq!(headers(&parts(request))["Cookie"], cookies, "{version:?}");
        }
    }

    #[test]
    fn the_target_is_the_client_s_own() {
        for (version, uri, expected) in [
            (Version::HTTP_11, "/files/a%20b?c=d", "/files/a%20b?c=d"),
            (Version::HTTP_11, "http://tus/files/", "http://tus/files/"),
            (Version::HTTP_2, "http://tus/files/?a", "/files/?a"),
        ] {
            let request = parts(Request::get(uri).version(version));
            assert_eq!(target(&request), expected);
        }
    }
}
