//! The TCP socket that clients connect to.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::{fmt, io};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
pub(crate) const BACKLOG: i32 = 1024;

/// A name or an address, an IPv6 address with or without its brackets.
#[derive(Clone, Debug)]
pub(crate) struct Host(String);

impl Host {
    /// Listens on one address of the host, or on all where it is a wildcard.
    pub(crate) async fn listen(&self, port: u16) -> io::Result<TcpListener> {
        if self.0.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
            return listen_everywhere(port);
        }
        let addresses = tokio::net::lookup_host((&*self.0, port)).await?;
        // As Go does: of a name with both, the IPv4 address.
        let address = addresses
            .min_by_key(SocketAddr::is_ipv6)
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        listen(address)
    }
}

impl FromStr for Host {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        Ok(Self(match bare.unwrap_or(text) {
            "" => Ipv4Addr::UNSPECIFIED.to_string(),
            host => host.to_owned(),
        }))
    }
}

/// As in a URL.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(&self.0)
        }
    }
}

/// Listens on IPv6 and IPv4 at once, as Go does for any wildcard.
fn listen_everywhere(port: u16) -> io::Result<TcpListener> {
    match listen((Ipv6Addr::UNSPECIFIED, port).into()) {
        // A machine without IPv6 has no one error for it; but a port that is
        // taken there must not go unnoticed.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            listen((Ipv4Addr::UNSPECIFIED, port).into())
        }
        listener => listener,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart does not wait for the connections of the last run. On Windows
    // the option would let others take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_shown_as_in_a_url() {
        let shown = |text: &str| text.parse::<Host>().unwrap().to_string();
        assert_eq!(shown("localhost"), "localhost");
        assert_eq!(shown("0.0.0.0"), "0.0.0.0");
        assert_eq!(shown(""), "0.0.0.0");
        assert_eq!(shown("::1"), "[::1]");
        assert_eq!(shown("[::1]"), "[::1]");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_on_one_of_the_two_is_an_error() {
        let taken = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen_everywhere(port).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
