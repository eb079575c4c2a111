use std::net::Ipv6Addr;

/// Longer than any valid host name or address.
const MAX_HOST: usize = 255;

/// A host with an optional port, valid in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address has its own colons inside brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (text, ""),
        };
        let port = match port {
            "" => None,
            port => Some(parse_port(port)?),
        };
        is_host(host).then_some(Self { host, port })
    }

    pub(super) fn or_port(self, port: Option<u16>) -> Self {
        let port = self.port.or(port);
        Self { port, ..self }
    }

    pub(super) fn without_port(self, port: u16) -> Self {
        let port = self.port.filter(|it| *it != port);
        Self { port, ..self }
    }

    /// Returns the port as it follows the host in a URL.
    pub(super) fn port_in_url(self) -> String {
        let port = self.port.map(|port| format!(":{port}"));
        port.unwrap_or_default()
    }
}

/// Parses a port other than 0. Digits are checked first: `str::parse` would accept a
/// leading `+`.
pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port != 0)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=MAX_HOST).contains(&host.len()) && host.bytes().all(of_a_name)
}
