use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::{Accept, TlsAcceptor, server};

/// A connection that shakes hands when it is read for the first time: in the
/// task that serves it and within the time for its first request, while others
/// are accepted.
pub(crate) struct TlsStream<IO>(State<IO>);

enum State<IO> {
    Handshake(Accept<IO>),
    Open(server::TlsStream<IO>),
    Failed,
}

/// Most bytes that wait to be sent, one record: what a client that reads
/// nothing holds beside what the system has.
const MAX_UNSENT: usize = 16 << 10;

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    pub(crate) fn accept(tls: &TlsAcceptor, io: IO) -> Self {
        let bounded = |session: &mut ServerConnection| session.set_buffer_limit(Some(MAX_UNSENT));
        Self(State::Handshake(tls.accept_with(io, bounded)))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut server::TlsStream<IO>>>> {
        if let State::Handshake(handshake) = &mut self.0 {
            match ready!(Pin::new(handshake).poll(cx)) {
                Ok(stream) => self.0 = State::Open(stream),
                Err(error) => {
                    self.0 = State::Failed;
                    let error = format!("no TLS handshake: {error}");
                    return Poll::Ready(Err(io::Error::other(error)));
                }
            }
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(stream)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, buffer)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream).poll_shutdown(cx),
            // Nothing was said that has to end.
            _ => Poll::Ready(Ok(())),
        }
    }
}
