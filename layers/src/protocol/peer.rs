use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of the connection that a request came by: behind a proxy, the proxy.
///
/// The server puts it into each request's [`Context`](crate::context::Context), since
/// no layer can know it by itself.
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
    /// A client of a unix socket, which has no address.
    pub const UNIX: Self = Self(None);

    /// Its address, unless it has none.
    #[must_use]
    pub const fn address(self) -> Option<SocketAddr> {
        self.0
    }
}

/// An IPv4 client of a socket for both versions of IP gets its own address back.
impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self(Some(match address.ip().to_canonical() {
            IpAddr::V4(ip) => (ip, address.port()).into(),
            // As it was: it may have a scope.
            IpAddr::V6(_) => address,
        }))
    }
}

/// As Go's `RemoteAddr`: `192.0.2.1:5`, `[2001:db8::1]:5`, and `@` for a unix socket.
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
