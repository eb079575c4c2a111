//! Looks at the first bytes that a client sends, and leaves them for the next read.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;

use super::socket::Line;

/// As many bytes as anything here looks at.
const MOST: usize = 24;

impl Line {
    /// Waits until `decide` can decide by the first bytes, of which it sees at most 24.
    /// `None` if the client ends first. Cancel safe.
    pub(crate) async fn peek<T>(
        &self,
        decide: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        loop {
            let ended = self.ready(Interest::READABLE).await?.is_read_closed();
            // Too few bytes count as none: the socket is ready again when more arrive.
            let decided = self.try_read(|socket| match peek(socket, &decide)? {
                None => Err(io::ErrorKind::WouldBlock.into()),
                decided => Ok(decided),
            });
            match decided {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ended => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                decided => return decided,
            }
        }
    }
}

fn peek<T>(socket: BorrowedFd<'_>, decide: impl Fn(&[u8]) -> Option<T>) -> io::Result<Option<T>> {
    let mut first = [0; MOST];
    let (length, _) = recv(socket, &mut first, RecvFlags::PEEK)?;
    Ok(decide(&first[..length]))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    use crate::net::socket::Shared;

    #[tokio::test]
    async fn it_waits_for_more_bytes_without_looking_again_and_again() {
        let (mut client, stream) = UnixStream::pair().unwrap();
        let (mut io, line) = Shared::unix(stream);
        client.write_all(b"he").await.unwrap();
        let looks = Cell::new(0);
        let decide = |first: &[u8]| {
            looks.set(looks.get() + 1);
            assert!(looks.get() < 10, "it looks again and again");
            (first.len() == 5).then(|| first.to_vec())
        };
        let waiting = timeout(Duration::from_millis(100), line.peek(decide));
        assert!(waiting.await.is_err(), "two bytes decide nothing");

        client.write_all(b"llo").await.unwrap();
        assert_eq!(line.peek(decide).await.unwrap().unwrap(), b"hello");
        drop(client);
        let mut came = String::new();
        io.read_to_string(&mut came).await.unwrap();
        assert_eq!(came, "hello", "they are still there");
    }

    #[tokio::test]
    async fn a_client_that_ends_early_decides_nothing() {
        for sent in [&b""[..], b"he"] {
            let (mut client, stream) = UnixStream::pair().unwrap();
            let (_io, line) = Shared::unix(stream);
            client.write_all(sent).await.unwrap();
            client.shutdown().await.unwrap();
            let decided = line.peek(|first| (first.len() == 5).then_some(())).await;
            assert_eq!(decided.unwrap(), None);
        }
    }
}
