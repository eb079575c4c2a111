//! Where connections come from: TCP or a unix socket, with or without TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_tus::layers::protocol::Peer;

use crate::flags::Flags;
use crate::socket::{Line, Shared};
use crate::taken::bound_unsent;
use crate::tls::TlsStream;
#[cfg(unix)]
use crate::unix::UnixSocket;

/// A socket that is listened on, and what its clients have to say first.
pub(crate) struct Listener {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// What bytes come from and go to.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection of a client.
pub(crate) struct Accepted {
    pub(crate) io: Box<dyn Io>,
    pub(crate) peer: Peer,
    pub(crate) line: Line,
}

impl Listener {
    /// Listens where the flags say, or says in a sentence why it cannot.
    pub(crate) async fn open(flags: &Flags, tls: Option<TlsAcceptor>) -> Result<Self, String> {
        let socket = match flags.unix_sock.as_os_str().is_empty() {
            true => Socket::tcp(flags).await?,
            false => Socket::unix(flags)?,
        };
        Ok(Self { socket, tls })
    }

    /// The port, unless it is a unix socket.
    pub(crate) fn port(&self) -> Option<u16> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// The next connection. A TLS handshake is still to come. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        let mut accepted = self.socket.accept().await?;
        if let Some(tls) = &self.tls {
            accepted.io = Box::new(TlsStream::new(accepted.io, tls.clone()));
        }
        Ok(accepted)
    }
}

impl Socket {
    async fn tcp(flags: &Flags) -> Result<Self, String> {
        let (host, port) = (&flags.host, flags.port);
        let listener = host.listen(port).await;
        listener
            .map(Self::Tcp)
            .map_err(|error| format!("cannot listen on {host}:{port}: {error}"))
    }

    #[cfg(unix)]
    fn unix(flags: &Flags) -> Result<Self, String> {
        let path = &flags.unix_sock;
        UnixSocket::bind(path)
            .map(Self::Unix)
            .map_err(|error| format!("cannot listen on {}: {error}", path.display()))
    }

    #[cfg(not(unix))]
    fn unix(_: &Flags) -> Result<Self, String> {
        Err("-unix-sock: this system has no unix sockets".to_owned())
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Without it a small answer may wait for the client's delayed ACK.
                if let Err(error) = stream.set_nodelay(true) {
                    // The client is gone already.
                    tracing::debug!(%error, "NetworkControlError");
                }
                bound_unsent(&stream);
                let (io, line) = Shared::tcp(stream);
                let (io, peer) = (Box::new(io), address.into());
                Ok(Accepted { io, peer, line })
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (io, line) = Shared::unix(socket.accept().await?);
                let (io, peer) = (Box::new(io), Peer::UNIX);
                Ok(Accepted { io, peer, line })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use std::net::Ipv4Addr;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_client_of_a_wildcard_is_known_by_its_own_address() {
        let flags = Flags::parse(["-port=0".into()], Environment::default()).unwrap();
        let listener = Listener::open(&flags, None).await.unwrap();
        let address = (Ipv4Addr::LOCALHOST, listener.port().unwrap());
        let client = TcpStream::connect(address).await.unwrap();
        let peer = listener.accept().await.unwrap().peer;
        assert_eq!(peer.to_string(), client.local_addr().unwrap().to_string());
    }
}
