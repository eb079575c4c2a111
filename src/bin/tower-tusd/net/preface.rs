//! Tells HTTP/1 from HTTP/2 by the first bytes of a connection.

use std::io;

use super::socket::Line;

/// The first bytes of an HTTP/2 connection. RFC 9113, section 3.4
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Waits until the version is certain, and leaves all bytes unread. Cancel safe.
pub(crate) async fn version(line: &Line) -> io::Result<Version> {
    let version = line.peek(decide).await?;
    // HTTP/1 answers a client that ends before it has sent a whole preface.
    Ok(version.unwrap_or(Version::Http1))
}

fn decide(first: &[u8]) -> Option<Version> {
    if first.starts_with(PREFACE) {
        return Some(Version::Http2);
    }
    (!PREFACE.starts_with(first)).then_some(Version::Http1)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::socket::Shared;

    #[tokio::test]
    async fn the_first_bytes_tell_the_version_and_are_still_there() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        for (sent, expected) in [
            (PREFACE, Version::Http2),
            (b"GET / HTTP/1.1\r\n", Version::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nS", Version::Http1),
            (b"PUT", Version::Http1),
            (b"", Version::Http1),
        ] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.set_nodelay(true).unwrap();
            let (mut io, line) = Shared::tcp(listener.accept().await.unwrap().0);
            let sending = async {
                // One byte at a time, so that the server looks several times.
                for byte in sent {
                    client.write_all(&[*byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
                client.shutdown().await.unwrap();
            };
            let ((), version) = tokio::join!(sending, version(&line));
            let mut came = Vec::new();
            io.read_to_end(&mut came).await.unwrap();
            assert_eq!((version.unwrap(), &*came), (expected, sent));
        }
    }
}
