//! Refuses malformed requests that hyper accepts.

mod layer;

use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use tower_tus::layers::protocol::Body;
use tower_tus::layers::protocol::header::is_plain_or_chunked;

pub(crate) use self::layer::MalformedLayer;

/// What is wrong with a request, with Go's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    NoHost,
    SeveralHosts,
    InvalidHost,
    /// Over HTTP/2, where `:authority` replaces `Host`.
    OtherHost,
    TransferEncoding,
}

impl Malformed {
    /// Returns what is wrong with this request, if anything.
    fn of<B>(request: &Request<B>) -> Option<Self> {
        if !is_plain_or_chunked(request.headers()) {
            return Some(Self::TransferEncoding);
        }
        let mut hosts = request.headers().get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (_, Some(_)) => Some(Self::SeveralHosts),
            (Some(host), None) => wrong_host(host, request),
            (None, None) => lacks_host(request).then_some(Self::NoHost),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::TransferEncoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::NoHost => "400 Bad Request: missing required Host header\n",
            Self::SeveralHosts => "400 Bad Request: too many Host headers\n",
            Self::InvalidHost => "400 Bad Request: malformed Host header\n",
            Self::OtherHost => "400 Bad Request: Host and :authority differ\n",
            Self::TransferEncoding => "501 Not Implemented: unsupported transfer encoding\n",
        }
    }

    /// The response to a request of this version.
    fn into_response(self, version: Version) -> Response<Body> {
        let mut response = Response::new(self.sentence().into());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, kind);
        if version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// HTTP/1.0 does not require the header.
fn lacks_host<B>(request: &Request<B>) -> bool {
    match request.version() {
        Version::HTTP_11 => true,
        Version::HTTP_2 => request.uri().authority().is_none(),
        _ => false,
    }
}

fn wrong_host<B>(host: &HeaderValue, request: &Request<B>) -> Option<Malformed> {
    // For a target without an authority the header is empty.
    if host.is_empty() {
        return None;
    }
    // Most requests, without an allocation.
    if request.version() < Version::HTTP_2 && is_plain(host.as_bytes()) {
        return None;
    }
    let Some(host) = authority(host) else {
        return Some(Malformed::InvalidHost);
    };
    let named = request.uri().authority();
    let differs = named.is_some_and(|named| !is_same(named, &host, request.uri().scheme()));
    (request.version() == Version::HTTP_2 && differs).then_some(Malformed::OtherHost)
}

/// Whether this is a name or an IPv4 address, with or without a port. Other hosts may be
/// valid too.
fn is_plain(host: &[u8]) -> bool {
    let colon = host.iter().position(|byte| *byte == b':');
    let (name, port) = host.split_at(colon.unwrap_or(host.len()));
    let port = port.strip_prefix(b":").unwrap_or_default();
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !name.is_empty()
        && name.iter().all(in_name)
        && port.iter().all(u8::is_ascii_digit)
        && (port.len() < 5 || port.len() == 5 && port <= &b"65535"[..])
}

/// A host with or without a port, and nothing else.
fn authority(value: &HeaderValue) -> Option<Authority> {
    let text = value.to_str().ok().filter(|text| !text.contains('@'))?;
    let authority: Authority = text.parse().ok()?;
    if authority.host().is_empty() {
        return None;
    }
    let port = text.strip_prefix(authority.host())?;
    let valid = match port.strip_prefix(':') {
        None | Some("") => port.len() < 2,
        Some(_) => authority.port().is_some(),
    };
    valid.then_some(authority)
}

fn is_same(one: &Authority, other: &Authority, scheme: Option<&Scheme>) -> bool {
    let default = if scheme == Some(&Scheme::HTTPS) {
        443
    } else {
        80
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: Version, target: &str, hosts: &[&[u8]]) -> Option<Malformed> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        Malformed::of(&request.body(()).unwrap())
    }

    #[test]
    fn http_1_1_needs_exactly_one_host() {
        use Malformed::{NoHost, SeveralHosts};
        let of = |version, hosts: &[&[u8]]| of(version, "/", hosts);
        assert_eq!(of(Version::HTTP_11, &[]), Some(NoHost));
        assert_eq!(of(Version::HTTP_10, &[]), None);
        assert_eq!(of(Version::HTTP_11, &[b"a"]), None);
        assert_eq!(of(Version::HTTP_11, &[b"a", b"a"]), Some(SeveralHosts));
        assert_eq!(of(Version::HTTP_10, &[b"a", b"b"]), Some(SeveralHosts));
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        let of = |host: &[u8]| of(Version::HTTP_11, "/", &[host]);
        for host in [
            "",
            "a",
            "A.b-c_d",
            "a:",
            "a:1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
        ] {
            assert_eq!(of(host.as_bytes()), None, "{host}");
        }
        for host in [
            "a b", "a/b", "a?", "u@a", "u:p@a", "[::1", "a:b", "a:99999", "a:1:2", ":", "a,b c",
            "\u{fc}",
        ] {
            let wrong = of(host.as_bytes());
            assert_eq!(wrong, Some(Malformed::InvalidHost), "{host}");
        }
    }

    #[test]
    fn a_host_that_is_plain_is_valid_without_this_shortcut() {
        let names = [
            "a",
            "A.b-c_d",
            ".",
            "-",
            "127.0.0.1",
            "1",
            "a..b",
            "",
            "a/b",
            "[::1]",
        ];
        let ports = [
            "", ":", ":1", ":00080", ":65535", ":65536", ":99999", ":100000", ":a", ":1:2",
        ];
        let mut plain = 0;
        for host in names
            .iter()
            .flat_map(|name| ports.map(|port| [name, port].concat()))
        {
            let value = HeaderValue::from_str(&host).unwrap();
            if is_plain(host.as_bytes()) {
                assert!(authority(&value).is_some(), "{host}");
                plain += 1;
            }
        }
        assert_eq!(
            plain,
            6 * 5,
            "names without an underscore, and ports up to 65535"
        );
    }

    #[test]
    fn over_http_2_the_authority_counts() {
        use Malformed::{InvalidHost, NoHost, OtherHost, SeveralHosts};
        let of = |target, hosts: &[&[u8]]| of(Version::HTTP_2, target, hosts);
        assert_eq!(of("https://a/", &[]), None);
        assert_eq!(of("/", &[]), Some(NoHost));
        assert_eq!(of("/", &[b"a"]), None);
        assert_eq!(of("https://a/", &[b"A:443"]), None);
        assert_eq!(of("http://a/", &[b"a:443"]), Some(OtherHost));
        assert_eq!(of("https://a/", &[b"b"]), Some(OtherHost));
        assert_eq!(of("https://a/", &[b"a", b"a"]), Some(SeveralHosts));
        assert_eq!(of("https://a/", &[b"a/"]), Some(InvalidHost));
    }
}
