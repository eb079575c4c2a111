use http::HeaderMap;
use http::header::FORWARDED;

use super::Scheme;
use super::authority::{Authority, parse_port};

/// The client's request as proxies report it.
///
/// The first element of each list comes from the proxy closest to the client.
#[derive(Debug, Default)]
pub(super) struct Forwarded<'a> {
    pub(super) scheme: Option<Scheme>,
    pub(super) authority: Option<Authority<'a>>,
    /// Used if the authority (this one, or else the request's own) has no port.
    pub(super) port: Option<u16>,
    /// The path prefix that a proxy stripped.
    pub(super) prefix: &'a str,
}

impl<'a> Forwarded<'a> {
    /// Reads the headers. `Forwarded` takes precedence over `X-Forwarded-*`, and
    /// invalid values are ignored.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut forwarded = Self::by_x(headers);
        let value = headers.get(FORWARDED).and_then(|value| value.to_str().ok());
        for (name, value) in first_element(value.unwrap_or_default()) {
            if name.eq_ignore_ascii_case("proto") {
                forwarded.scheme = Scheme::parse(value).or(forwarded.scheme);
            } else if name.eq_ignore_ascii_case("host")
                && let Some(authority) = Authority::parse(value)
            {
                forwarded.authority = Some(authority);
                // The host as the client sent it: without a port, the default port
                // applies.
                forwarded.port = None;
            }
        }
        forwarded
    }

    fn by_x(headers: &'a HeaderMap) -> Self {
        let first = |name| {
            let list = headers.get(name)?.to_str().ok()?;
            list.split(',').next().map(str::trim)
        };
        Self {
            scheme: first("x-forwarded-proto").and_then(Scheme::parse),
            authority: first("x-forwarded-host").and_then(Authority::parse),
            port: first("x-forwarded-port").and_then(parse_port),
            prefix: first("x-forwarded-prefix")
                .filter(|prefix| is_prefix(prefix))
                .unwrap_or_default(),
        }
    }
}

/// Returns the pairs of the first element (RFC 7239, section 4).
fn first_element(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let element = list.split(outside_quotes(',')).next().unwrap_or_default();
    element.split(outside_quotes(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), unquoted(value.trim())))
    })
}

/// Matches `separator` outside quoted strings.
fn outside_quotes(separator: char) -> impl FnMut(char) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |character| {
        let literal = escaped;
        escaped = quoted && !literal && character == '\\';
        quoted ^= character == '"' && !literal;
        character == separator && !quoted
    }
}

/// Strips the quotes. Escapes are not decoded: no valid value needs one.
fn unquoted(value: &str) -> &str {
    let inside = value.strip_prefix('"');
    let inside = inside.and_then(|value| value.strip_suffix('"'));
    inside.unwrap_or(value)
}

/// Whether `path` is absolute and leads neither to another server nor, by its dots, to
/// another directory.
fn is_prefix(path: &str) -> bool {
    let of_a_path = |byte: u8| byte.is_ascii_graphic() && !b"?#\"\\<>^`{|}".contains(&byte);
    let is_dots = |segment: &str| segment == "." || segment == "..";
    let leads_elsewhere = path.split('/').any(is_dots) || path.to_ascii_lowercase().contains("%2e");
    let is_path = path.starts_with('/') && !path.starts_with("//");
    is_path && path.bytes().all(of_a_path) && !leads_elsewhere
}
