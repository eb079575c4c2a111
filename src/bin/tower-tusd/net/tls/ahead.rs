//! Reads from a socket in large pieces.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Size of a piece in bytes: it stays in the processor's cache until it is decrypted.
const PIECE: usize = 64 << 10;

/// A socket that is read in pieces of 64 KiB, because rustls asks for 4 KiB at a time:
/// four system calls for each record, and more than decrypting it costs.
///
/// A connection that waits for its client holds no piece.
#[derive(Debug)]
pub(crate) struct ReadAhead<IO> {
    io: IO,
    piece: BytesMut,
}

impl<IO> ReadAhead<IO> {
    pub(super) fn new(io: IO) -> Self {
        let piece = BytesMut::new();
        Self { io, piece }
    }

    fn socket(self: Pin<&mut Self>) -> Pin<&mut IO>
    where
        IO: Unpin,
    {
        Pin::new(&mut self.get_mut().io)
    }
}

impl<IO: AsyncRead + Unpin> ReadAhead<IO> {
    /// Reads the next piece, which is empty at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.piece.reserve(PIECE);
        let read = pin!(self.io.read_buf(&mut self.piece)).poll(cx);
        if self.piece.is_empty() {
            self.piece = BytesMut::new();
        }
        read.map_ok(drop)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for ReadAhead<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.piece.is_empty() {
            ready!(self.poll_piece(cx))?;
        }
        let length = self.piece.len().min(buffer.remaining());
        buffer.put_slice(&self.piece[..length]);
        self.piece.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for ReadAhead<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    /// A stream that counts how often it is read.
    struct Counted<IO>(IO, usize);

    impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.1 += 1;
            Pin::new(&mut self.0).poll_read(cx, buffer)
        }
    }

    #[tokio::test]
    async fn small_reads_take_from_a_large_one_and_lose_nothing() {
        let sent: Vec<u8> = (0..=250).cycle().take(2 * PIECE + 1000).collect();
        let mut ahead = ReadAhead::new(Counted(&sent[..], 0));
        let mut came = Vec::new();
        let mut small = [0; 4 << 10];
        loop {
            let length = ahead.read(&mut small).await.unwrap();
            if length == 0 {
                break;
            }
            came.extend_from_slice(&small[..length]);
        }
        assert!(came == sent);
        assert_eq!(ahead.io.1, 4, "three pieces, and the end");
    }

    #[tokio::test]
    async fn a_connection_that_waits_for_its_client_holds_no_memory() {
        let (mut client, server) = duplex(PIECE);
        let mut ahead = ReadAhead::new(server);
        let mut cx = Context::from_waker(Waker::noop());
        let mut memory = [0; 16];
        for _ in 0..2 {
            let mut buffer = ReadBuf::new(&mut memory);
            assert!(
                Pin::new(&mut ahead)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
            );
            assert_eq!(ahead.piece.capacity(), 0);
            client.write_all(b"hello").await.unwrap();
            assert!(
                Pin::new(&mut ahead)
                    .poll_read(&mut cx, &mut buffer)
                    .is_ready()
            );
            assert_eq!(buffer.filled(), b"hello");
        }
    }
}
