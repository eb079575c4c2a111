//! Connections: direct, through a proxy, or to a Unix socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tower::ServiceExt;
use tower_service::Service;
use tower_tus_layers::protocol::BoxError;

#[cfg(any(feature = "hooks-http", feature = "object-store"))]
use super::Proxy;

/// Leaves time for another attempt within the default time limits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle time after which TCP probes a connection. HTTP/2 pings would not suit
/// every server: grpc-go treats more than one in five minutes as abuse.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A connector without TLS.
#[derive(Clone, Debug)]
pub(crate) enum Connect {
    /// Connects to the host and port of the URL.
    Direct,
    /// Connects to a Unix socket, whatever the URL says.
    #[cfg(all(unix, feature = "hooks-grpc"))]
    Socket(std::sync::Arc<std::path::Path>),
    /// Connects through a proxy.
    #[cfg(any(feature = "hooks-http", feature = "object-store"))]
    Through(Proxy),
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            match this {
                Self::Direct => Ok(Stream::new(tcp().oneshot(uri).await?)),
                #[cfg(all(unix, feature = "hooks-grpc"))]
                Self::Socket(path) => {
                    let socket = tokio::net::UnixStream::connect(path).await?;
                    Ok(Stream::new(hyper_util::rt::TokioIo::new(socket)))
                }
                #[cfg(any(feature = "hooks-http", feature = "object-store"))]
                Self::Through(proxy) => proxy.connect(uri).await,
            }
        })
    }
}

/// Connects to a host and a port over TCP.
pub(super) fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // The outer connector adds TLS.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

/// A connection of any kind.
pub(crate) struct Stream {
    io: Box<dyn Io>,
    is_proxied: bool,
}

trait Io: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Io for T {}

impl Stream {
    pub(super) fn new(io: impl Read + Write + Connection + Send + Unpin + 'static) -> Self {
        Self {
            io: Box::new(io),
            is_proxied: false,
        }
    }

    /// Marks a connection to a proxy that forwards requests to other servers.
    #[cfg(any(feature = "hooks-http", feature = "object-store"))]
    pub(super) fn proxied(self) -> Self {
        Self {
            is_proxied: true,
            ..self
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }
}
