use http::HeaderMap;
use http::header::FORWARDED;

use super::Scheme;
use super::authority::{Authority, parse_port};

/// What proxies have told of the request that the client sent.
///
/// In each list the first element is the one of the proxy next to the client.
#[derive(Debug, Default)]
pub(super) struct Forwarded<'a> {
    pub(super) scheme: Option<Scheme>,
    pub(super) authority: Option<Authority<'a>>,
    /// The port where the authority, or the request's own, has none.
    pub(super) port: Option<u16>,
    /// What a proxy took from the beginning of the path.
    pub(super) prefix: &'a str,
}

impl<'a> Forwarded<'a> {
    /// `Forwarded` stands over `X-Forwarded-*`, and what makes no sense is ignored.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut told = Self::by_x(headers);
        let value = headers.get(FORWARDED).and_then(|value| value.to_str().ok());
        for (name, value) in first_element(value.unwrap_or_default()) {
            if name.eq_ignore_ascii_case("proto") {
                told.scheme = Scheme::parse(value).or(told.scheme);
            } else if name.eq_ignore_ascii_case("host")
                && let Some(authority) = Authority::parse(value)
            {
                told.authority = Some(authority);
                // It is what the client sent: without a port it needs none.
                told.port = None;
            }
        }
        told
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

/// The pairs of the first element. RFC 7239, section 4
fn first_element(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let element = list.split(outside_quotes(',')).next().unwrap_or_default();
    element.split(outside_quotes(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), unquoted(value.trim())))
    })
}

/// Finds `separator` where it stands in no quoted string.
fn outside_quotes(separator: char) -> impl FnMut(char) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |character| {
        let literal = escaped;
        escaped = quoted && !literal && character == '\\';
        quoted ^= character == '"' && !literal;
        character == separator && !quoted
    }
}

/// No value that is taken has a character that needs an escape.
fn unquoted(value: &str) -> &str {
    let inside = value.strip_prefix('"');
    let inside = inside.and_then(|value| value.strip_suffix('"'));
    inside.unwrap_or(value)
}

/// An absolute path that leads to no other server and to no directory above.
fn is_prefix(path: &str) -> bool {
    let of_a_path = |byte: u8| byte.is_ascii_graphic() && !b"?#\"\\<>^`{|}".contains(&byte);
    let up = path.contains("..") || path.to_ascii_lowercase().contains("%2e");
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(of_a_path) && !up
}
