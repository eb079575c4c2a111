//! Listeners: TCP or a unix socket, with or without TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_tus::layers::protocol::Peer;

use super::listen::listen;
use super::send_queue::bound_unsent;
use super::socket::{Line, Shared};
#[cfg(unix)]
use super::unix::UnixSocket;
use crate::error::StartError;
use crate::flags::ListenFlags;

/// A listening socket, and the TLS handshake if TLS is on.
pub(crate) struct Listener {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// The byte stream of a connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection of a client.
pub(crate) struct Accepted {
    pub(crate) io: Box<dyn Io>,
    pub(crate) peer: Peer,
    pub(crate) line: Line,
    /// The TLS handshake that comes first, if TLS is on.
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Listens on the host and port, or on the unix socket.
    pub(crate) async fn open(
        flags: &ListenFlags,
        tls: Option<TlsAcceptor>,
    ) -> Result<Self, StartError> {
        let socket = match flags.unix_sock.as_os_str().is_empty() {
            true => Socket::tcp(flags).await?,
            false => Socket::unix(flags)?,
        };
        Ok(Self { socket, tls })
    }

    /// The port, which a unix socket does not have.
    pub(crate) fn port(&self) -> Option<u16> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// The next connection, before its TLS handshake. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        let (io, line, peer) = self.socket.accept().await?;
        let tls = self.tls.clone();
        Ok(Accepted {
            io,
            peer,
            line,
            tls,
        })
    }
}

impl Socket {
    async fn tcp(flags: &ListenFlags) -> Result<Self, StartError> {
        let (host, port) = (&flags.host, flags.port);
        let unusable =
            |error| StartError::unusable(format!("cannot listen on {host}:{port}"), error);
        listen(host, port).await.map(Self::Tcp).map_err(unusable)
    }

    #[cfg(unix)]
    fn unix(flags: &ListenFlags) -> Result<Self, StartError> {
        let path = &flags.unix_sock;
        let unusable =
            |error| StartError::unusable(format!("cannot listen on {}", path.display()), error);
        UnixSocket::bind(path).map(Self::Unix).map_err(unusable)
    }

    #[cfg(not(unix))]
    fn unix(_: &ListenFlags) -> Result<Self, StartError> {
        let missing = "-unix-sock: this system has no unix sockets";
        Err(StartError::Flags(missing.to_owned()))
    }

    async fn accept(&self) -> io::Result<(Box<dyn Io>, Line, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Otherwise a small answer may wait for the client's delayed ACK.
                if let Err(error) = stream.set_nodelay(true) {
                    // The client is gone already.
                    tracing::debug!(%error, "NetworkControlError");
                }
                bound_unsent(&stream);
                let (io, line) = Shared::tcp(stream);
                Ok((Box::new(io), line, address.into()))
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (io, line) = Shared::unix(socket.accept().await?);
                Ok((Box::new(io), line, Peer::UNIX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;
    use std::net::Ipv4Addr;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_client_of_a_wildcard_is_known_by_its_own_address() {
        let flags = Flags::parse(["-port=0".into()], []).unwrap();
        let listener = Listener::open(&flags.listen, None).await.unwrap();
        let address = (Ipv4Addr::LOCALHOST, listener.port().unwrap());
        let client = TcpStream::connect(address).await.unwrap();
        let peer = listener.accept().await.unwrap().peer;
        assert_eq!(peer.to_string(), client.local_addr().unwrap().to_string());
    }
}
