//! The first bytes of a connection, which say whether its client speaks TLS.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::{TlsAcceptor, server};

use crate::rewound::Rewound;

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
) -> io::Result<server::TlsStream<Rewound<IO>>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let first = io.read_u8().await?;
    // A record of TLS begins with 20 to 23, and HTTP with the name of a method.
    if first.is_ascii_uppercase() {
        refuse(io).await?;
        return Err(io::Error::other("HTTP instead of a TLS handshake"));
    }
    let io = Rewound::new(Bytes::copy_from_slice(&[first]), io);
    let bounded = |session: &mut ServerConnection| session.set_buffer_limit(Some(MAX_UNSENT));
    let handshake = acceptor.accept_with(io, bounded);
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
