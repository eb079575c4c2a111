//! The TCP socket that clients connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::flags::Host;

/// Maximum number of connections that wait to be accepted.
pub(super) const BACKLOG: i32 = 1024;

/// Listens on one address of the host, or on all addresses if it is a wildcard.
pub(super) async fn listen(host: &Host, port: u16) -> io::Result<TcpListener> {
    if host
        .as_str()
        .parse()
        .is_ok_and(|ip: IpAddr| ip.is_unspecified())
    {
        return listen_everywhere(port);
    }
    let addresses = tokio::net::lookup_host((host.as_str(), port)).await?;
    // The IPv4 address of a name with both, like Go.
    let address = addresses
        .min_by_key(SocketAddr::is_ipv6)
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    listen_on(address)
}

/// Listens on IPv6 and IPv4 at once, like Go for any wildcard.
fn listen_everywhere(port: u16) -> io::Result<TcpListener> {
    match listen_on((Ipv6Addr::UNSPECIFIED, port).into()) {
        // A machine without IPv6 may answer with any error, but a port that is in
        // use must be reported.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            listen_on((Ipv4Addr::UNSPECIFIED, port).into())
        }
        listener => listener,
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart need not wait for old connections. On Windows the option would let
    // other programs take the port.
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

    #[tokio::test]
    async fn a_port_that_is_in_use_over_ipv4_alone_is_an_error() {
        let taken = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen_everywhere(port).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
