//! Reads that bring little at a time.
//!
//! hyper's buffer of a connection grows with what a read brings, up to 400 KiB, and each
//! of up to two frames that wait keeps another one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

/// A connection of which one read brings a limited number of bytes.
#[derive(Debug)]
pub(super) struct SmallReads<T> {
    io: Take<T>,
    most: u64,
}

impl<T: AsyncRead> SmallReads<T> {
    pub(super) fn new(io: T, most: u64) -> Self {
        Self {
            io: io.take(most),
            most,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for SmallReads<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.most;
        self.io.set_limit(most);
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SmallReads<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.io.get_mut()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.io.get_mut()).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io.get_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn each_read_is_limited_and_none_is_the_last_but_that_of_the_end() {
        let (client, mut server) = tokio::io::duplex(100);
        server.write_all(&[7; 10]).await.unwrap();
        server.shutdown().await.unwrap();
        let mut client = SmallReads::new(client, 4);
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.push(client.read(&mut [0; 100]).await.unwrap());
        }
        assert_eq!(sizes, [4, 4, 2, 0]);
        client.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        server.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    }
}
