//! Requests over HTTP/1.1 that stop in the middle of their body.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use socket2::SockRef;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::actions::{Ending, Framing, Sum};
use crate::harness::patient;
use crate::request::{Answer, Load};
use crate::wire::Head;

/// A request whose body the server has begun to read.
pub(crate) struct Open {
    socket: BufReader<TcpStream>,
    load: Load,
    /// How many bytes of the body were sent.
    sent: usize,
}

/// The result of sending a head.
pub(crate) enum Begun {
    Open(Open),
    /// The server does not want the body.
    Answered(Answer),
}

impl Open {
    /// Sends the head of a request, and waits until the server wants its body: from
    /// here on it holds the upload.
    pub(crate) async fn begin(address: SocketAddr, head: &Head, load: Load) -> Begun {
        let socket = TcpStream::connect(address)
            .await
            .expect("the server listens");
        socket.set_nodelay(true).expect("it is a socket");
        let mut socket = BufReader::new(socket);
        let mut text = format!("{} {} HTTP/1.1\r\nhost: tus\r\n", head.method, head.path);
        for (name, value) in &head.headers {
            text += &format!("{name}: {}\r\n", value.to_str().expect("it is text"));
        }
        if load.framing == Framing::Chunked {
            text += "transfer-encoding: chunked\r\n";
        }
        text += "expect: 100-continue\r\n\r\n";
        patient(socket.write_all(text.as_bytes()))
            .await
            .expect("the server reads");
        let (status, headers) = patient(read_head(&mut socket))
            .await
            .expect("the server answers");
        match status {
            100 => Begun::Open(Self {
                socket,
                load,
                sent: 0,
            }),
            _ => {
                let body = patient(read_body(&mut socket, &headers)).await;
                let body = body.expect("the answer ends well").into();
                Begun::Answered(Answer {
                    status,
                    headers,
                    body,
                })
            }
        }
    }

    /// Sends bytes up to and without this one. The server may have gone.
    pub(crate) async fn send(&mut self, to: usize) {
        let bytes = &self.load.bytes[self.sent..to];
        if bytes.is_empty() {
            return;
        }
        let chunk = match self.load.framing {
            Framing::Announced => bytes.to_vec(),
            Framing::Chunked => {
                [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
            }
        };
        let _ = patient(self.socket.write_all(&chunk)).await;
        self.sent = to;
    }

    /// Sends the rest of the body, and returns the answer unless the server has gone.
    pub(crate) async fn finish(mut self) -> Option<Answer> {
        self.send(self.load.bytes.len()).await;
        if self.load.framing == Framing::Chunked {
            let trailer = match self.load.sum {
                Sum::Trailer(claim) => {
                    format!("upload-checksum: {}\r\n", self.load.checksum(claim))
                }
                Sum::Absent | Sum::Header(_) => String::new(),
            };
            let end = format!("0\r\n{trailer}\r\n");
            let _ = patient(self.socket.write_all(end.as_bytes())).await;
        }
        let (status, headers) = patient(read_head(&mut self.socket)).await?;
        let body = patient(read_body(&mut self.socket, &headers)).await?.into();
        Some(Answer {
            status,
            headers,
            body,
        })
    }

    /// Disconnects.
    pub(crate) fn cut(self, ending: Ending) {
        let socket = self.socket.into_inner();
        if let Ending::Reset = ending {
            let linger = Some(Duration::ZERO);
            SockRef::from(&socket)
                .set_linger(linger)
                .expect("it is a socket");
        }
        drop(socket);
    }
}

async fn read_head(socket: &mut BufReader<TcpStream>) -> Option<(u16, HeaderMap)> {
    let status = read_line(socket).await?;
    let status = status.get(9..12)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    loop {
        let line = read_line(socket).await?;
        if line.is_empty() {
            return Some((status, headers));
        }
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::try_from(name).ok()?;
        headers.append(name, HeaderValue::try_from(value.trim()).ok()?);
    }
}

async fn read_line(socket: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok()?;
    Some(line.strip_suffix("\r\n")?.to_owned())
}

/// Reads the body of an error: its length is known.
async fn read_body(socket: &mut BufReader<TcpStream>, headers: &HeaderMap) -> Option<Vec<u8>> {
    let length = headers
        .get("content-length")
        .map_or("0", |value| value.to_str().unwrap_or("0"));
    let mut body = vec![0; length.parse().ok()?];
    socket.read_exact(&mut body).await.ok()?;
    Some(body)
}
