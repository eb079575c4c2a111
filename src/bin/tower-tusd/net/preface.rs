//! Tells HTTP/1 from HTTP/2 by the first bytes of a connection.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::net::rewound::Rewound;

/// The first bytes of an HTTP/2 connection. RFC 9113, section 3.4
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Reads until the version is certain.
pub(crate) async fn version<IO>(mut io: IO) -> io::Result<(Version, Rewound<IO>)>
where
    IO: AsyncRead + Unpin,
{
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    let version = loop {
        if length == PREFACE.len() {
            break Version::Http2;
        }
        let read = io.read(&mut first[length..]).await?;
        length += read;
        if read == 0 || first[..length] != PREFACE[..length] {
            break Version::Http1;
        }
    };
    let first = Bytes::copy_from_slice(&first[..length]);
    Ok((version, Rewound::new(first, io)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, duplex};

    #[tokio::test]
    async fn the_first_bytes_tell_the_version_and_are_read_again() {
        for (sent, expected) in [
            (PREFACE, Version::Http2),
            (b"GET / HTTP/1.1\r\n", Version::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nS", Version::Http1),
            (b"PUT", Version::Http1),
            (b"", Version::Http1),
        ] {
            // One byte at a time, so that each read is a short one.
            let (mut client, io) = duplex(1);
            let sending = async move {
                client.write_all(sent).await.unwrap();
            };
            let reading = async {
                let (version, mut io) = version(io).await.unwrap();
                let mut came = Vec::new();
                io.read_to_end(&mut came).await.unwrap();
                (version, came)
            };
            let ((), (version, came)) = tokio::join!(sending, reading);
            assert_eq!((version, &*came), (expected, sent));
        }
    }
}
