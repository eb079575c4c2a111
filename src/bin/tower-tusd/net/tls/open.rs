//! The TLS handshake, and the answer to clients that speak plain HTTP.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;

use super::ahead::ReadAhead;
use super::config::HTTP2;
use crate::net::preface::Version;
use crate::net::socket::Line;

/// The answer that Go gives, in a version that every client understands.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\
    \r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// How long, and how many bytes, such a client may go on sending: a reset would
/// destroy the answer.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 1 << 20);

/// Maximum number of bytes that wait to be sent, one record: more would only use
/// memory for a client that reads nothing.
const MAX_UNSENT: usize = 16 << 10;

/// Performs the handshake, and returns the version that both sides agreed on. Answers a
/// client that speaks plain HTTP with an error.
pub(crate) async fn open<IO>(
    io: IO,
    line: &Line,
    acceptor: TlsAcceptor,
) -> io::Result<(Version, TlsStream<ReadAhead<IO>>)>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let first = line.peek(|first| first.first().copied()).await?;
    // A TLS record begins with 20 to 23, and HTTP with the name of a method.
    if first.is_some_and(|byte| byte.is_ascii_uppercase()) {
        refuse(io).await?;
        return Err(io::Error::other("plain HTTP instead of a TLS handshake"));
    }
    let bounded = |session: &mut ServerConnection| session.set_buffer_limit(Some(MAX_UNSENT));
    let stream = acceptor
        .accept_with(ReadAhead::new(io), bounded)
        .await
        .map_err(|error| io::Error::other(format!("TLS handshake failed: {error}")))?;
    // A client that names no version speaks HTTP/1. RFC 9113, section 3.2
    let version = match stream.get_ref().1.alpn_protocol() {
        Some(HTTP2) => Version::Http2,
        _ => Version::Http1,
    };
    Ok((version, stream))
}

async fn refuse<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) -> io::Result<()> {
    io.write_all(NOT_TLS).await?;
    io.shutdown().await?;
    let (time, bytes) = LINGER;
    let (mut rest, mut sink) = (io.take(bytes), tokio::io::sink());
    // The answer is sent, however this ends.
    let _ = timeout(time, tokio::io::copy(&mut rest, &mut sink)).await;
    Ok(())
}
