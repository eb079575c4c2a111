use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of the connection: behind a proxy, this is the proxy.
///
/// The server must put it into each request's
/// [`Context`](crate::context::Context), because no layer can find it out.
///
/// ```
/// use std::net::SocketAddr;
/// use tower_tus_layers::protocol::Peer;
///
/// let address: SocketAddr = "192.0.2.1:52000".parse()?;
/// assert_eq!(Peer::from(address).to_string(), "192.0.2.1:52000");
/// assert_eq!(Peer::UNIX.to_string(), "@");
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(Option<SocketAddr>);

impl Peer {
    /// The peer of a unix socket, which has no address.
    pub const UNIX: Self = Self(None);

    /// Returns the address, if there is one.
    #[must_use]
    pub const fn address(self) -> Option<SocketAddr> {
        self.0
    }
}

/// Unmaps an IPv4 address that was accepted on a dual-stack socket.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self(Some(match address.ip().to_canonical() {
            IpAddr::V4(ip) => (ip, address.port()).into(),
            // Unchanged: it may have a scope.
            IpAddr::V6(_) => address,
        }))
    }
}

/// Like Go's `RemoteAddr`: `192.0.2.1:5`, `[2001:db8::1]:5`, and `@` for a unix
/// socket.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("@"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_the_client_has_it() {
        for (address, shown) in [
            ("127.0.0.1:5", "127.0.0.1:5"),
            ("[::ffff:127.0.0.1]:5", "127.0.0.1:5"),
            ("[2001:db8::1]:5", "[2001:db8::1]:5"),
            ("[::1]:5", "[::1]:5"),
            ("[fe80::1%2]:5", "[fe80::1%2]:5"),
        ] {
            let peer = Peer::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(peer.to_string(), shown);
        }
    }
}
