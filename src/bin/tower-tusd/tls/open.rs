//! The first bytes of a connection, which say whether its client speaks TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::{TlsAcceptor, server};

/// What Go answers, which is the most that a client of any version understands.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\
    \r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// How long and how much a client that is told so may go on to send: a reset
/// would take the answer from it.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 1 << 20);

/// Most bytes that wait to be sent, one record: what a client that reads
/// nothing holds beside what the system has.
const MAX_UNSENT: usize = 16 << 10;

/// Shakes hands. A client that speaks HTTP instead is told so.
pub(super) async fn open<IO>(
    mut io: IO,
    acceptor: TlsAcceptor,
) -> io::Result<server::TlsStream<Replay<IO>>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let first = io.read_u8().await?;
    // A record of TLS begins with 20 to 23, and HTTP with the name of a method.
    if first.is_ascii_uppercase() {
        refuse(io).await?;
        return Err(io::Error::other("HTTP instead of a TLS handshake"));
    }
    let first = Some(first);
    let bounded = |session: &mut ServerConnection| session.set_buffer_limit(Some(MAX_UNSENT));
    let handshake = acceptor.accept_with(Replay { first, io }, bounded);
    handshake
        .await
        .map_err(|error| io::Error::other(format!("no TLS handshake: {error}")))
}

async fn refuse<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) -> io::Result<()> {
    io.write_all(NOT_TLS).await?;
    io.shutdown().await?;
    let (time, bytes) = LINGER;
    let (mut rest, mut sink) = (io.take(bytes), tokio::io::sink());
    // However it ends, the answer is out.
    let _ = timeout(time, tokio::io::copy(&mut rest, &mut sink)).await;
    Ok(())
}

/// A connection whose first byte is read again.
pub(super) struct Replay<IO> {
    first: Option<u8>,
    io: IO,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Replay<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match self.first.take() {
            Some(first) => {
                buffer.put_slice(&[first]);
                Poll::Ready(Ok(()))
            }
            None => Pin::new(&mut self.io).poll_read(cx, buffer),
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Replay<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
