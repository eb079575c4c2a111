//! A socket that is shared by what reads and writes and what detects a reset.
//!
//! hyper reads nothing from an HTTP/1 connection while it answers a request, so it
//! does not notice that the client has gone. Bytes that have arrived are left
//! alone: the rest of a body is still read and stored.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::{TcpStream, tcp};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio::time::sleep;

/// Wakes up for an error or a FIN, and never for bytes: no socket is registered for
/// urgent data.
#[cfg(any(target_os = "android", target_os = "linux"))]
const CLOSED: Interest = Interest::ERROR.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "android", target_os = "linux")))]
const CLOSED: Interest = Interest::ERROR;

/// Pause between two checks after a FIN, which stays ready: the client may wait for
/// the answer, or go later.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The client's end of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Tcp(Arc<tcp::OwnedWriteHalf>),
    #[cfg(unix)]
    Unix(Arc<unix::OwnedWriteHalf>),
}

impl Line {
    /// Waits until the client has reset the connection, or closed both directions
    /// where that is visible: over TCP it looks like a FIN.
    pub(super) async fn gone(self) {
        // An error means that the runtime ends.
        while self.ready(CLOSED).await.is_ok() {
            // Only this shows that nobody reads any more.
            let Ok(ready) = self.ready(CLOSED.add(Interest::WRITABLE)).await else {
                return;
            };
            if ready.is_error() || ready.is_write_closed() {
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(half) => half.ready(interest).await,
            #[cfg(unix)]
            Self::Unix(half) => half.ready(interest).await,
        }
    }

    /// Calls `read` if the socket is ready. If that finds nothing to read, the socket
    /// is ready again when more arrives.
    pub(super) fn try_read<T>(
        &self,
        read: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        const READABLE: Interest = Interest::READABLE;
        match self {
            Self::Tcp(half) => {
                let socket = half.as_ref().as_ref();
                socket.try_io(READABLE, || read(socket.as_fd()))
            }
            #[cfg(unix)]
            Self::Unix(half) => {
                let socket = half.as_ref().as_ref();
                socket.try_io(READABLE, || read(socket.as_fd()))
            }
        }
    }
}

/// The two halves of a socket, one of which is shared with its [`Line`].
#[derive(Debug)]
pub(crate) struct Shared<R, W> {
    read: R,
    write: Arc<W>,
}

impl Shared<tcp::OwnedReadHalf, tcp::OwnedWriteHalf> {
    pub(crate) fn tcp(stream: TcpStream) -> (Self, Line) {
        let (read, write) = stream.into_split();
        let write = Arc::new(write);
        let line = Line::Tcp(Arc::clone(&write));
        (Self { read, write }, line)
    }
}

#[cfg(unix)]
impl Shared<unix::OwnedReadHalf, unix::OwnedWriteHalf> {
    pub(crate) fn unix(stream: UnixStream) -> (Self, Line) {
        let (read, write) = stream.into_split();
        let write = Arc::new(write);
        let line = Line::Unix(Arc::clone(&write));
        (Self { read, write }, line)
    }
}

/// A half that is written to by reference.
pub(crate) trait WriteHalf {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn try_write(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shut_down(&self) -> io::Result<()>;
}

macro_rules! write_half {
    ($half:ty) => {
        impl WriteHalf for $half {
            fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.as_ref().poll_write_ready(cx)
            }

            fn try_write(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
                self.try_write_vectored(bytes)
            }

            fn shut_down(&self) -> io::Result<()> {
                SockRef::from(self.as_ref()).shutdown(Shutdown::Write)
            }
        }
    };
}

write_half!(tcp::OwnedWriteHalf);
#[cfg(unix)]
write_half!(unix::OwnedWriteHalf);

impl<R: AsyncRead + Unpin, W> AsyncRead for Shared<R, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
    }
}

impl<R: Unpin, W: WriteHalf> AsyncWrite for Shared<R, W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.write.poll_ready(cx))?;
            match self.write.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.write.shut_down())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// How a client ends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum End {
        Fin,
        FinAndClose,
        Close,
        Reset,
    }

    async fn tcp() -> (TcpStream, Line) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (_, line) = Shared::tcp(listener.accept().await.unwrap().0);
        (client, line)
    }

    fn unix() -> (UnixStream, Line) {
        let (client, stream) = UnixStream::pair().unwrap();
        let (_, line) = Shared::unix(stream);
        (client, line)
    }

    /// Whether `line` detects that its client has gone, which it does if `expected`.
    async fn detects(line: &Line, expected: bool) -> bool {
        let limit = if expected { 10_000 } else { 300 };
        let limit = Duration::from_millis(limit);
        timeout(limit, line.clone().gone()).await.is_ok()
    }

    #[tokio::test]
    async fn a_reset_is_detected_and_a_fin_is_not_one_whatever_has_arrived() {
        for bytes in [&b""[..], b"hello"] {
            for (end, gone) in [(End::Fin, false), (End::Reset, true)] {
                let (mut client, line) = tcp().await;
                client.write_all(bytes).await.unwrap();
                assert!(!detects(&line, false).await);
                match end {
                    End::Fin => client.shutdown().await.unwrap(),
                    _ => SockRef::from(&client)
                        .set_linger(Some(Duration::ZERO))
                        .unwrap(),
                }
                let _client = (end == End::Fin).then_some(client);
                assert_eq!(detects(&line, gone).await, gone, "{end:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_end_of_a_unix_socket_is_detected_even_after_a_fin() {
        for end in [End::Fin, End::FinAndClose, End::Close] {
            let (mut client, line) = unix();
            client.write_all(b"hello").await.unwrap();
            if end != End::Close {
                client.shutdown().await.unwrap();
                assert!(!detects(&line, false).await, "it waits for its answer");
            }
            let _client = (end == End::Fin).then_some(client);
            let gone = end != End::Fin;
            assert_eq!(detects(&line, gone).await, gone, "{end:?}");
        }
    }

    #[tokio::test]
    async fn the_bytes_outlive_the_client() {
        let (mut client, stream) = UnixStream::pair().unwrap();
        let (mut io, line) = Shared::unix(stream);
        client.write_all(b"hello").await.unwrap();
        drop(client);
        assert!(detects(&line, true).await);
        let mut came = String::new();
        io.read_to_string(&mut came).await.unwrap();
        assert_eq!(came, "hello");
    }
}
