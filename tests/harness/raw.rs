//! Low-level connections, for what client libraries do not allow.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::patient;

/// An HTTP/1.1 connection.
pub(crate) struct Http1(TcpStream);

impl Http1 {
    /// Connects with a small send buffer, so that the server has read most of a
    /// large body once it is sent.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        SockRef::from(&socket)
            .set_send_buffer_size(64 << 10)
            .unwrap();
        Self(socket)
    }

    /// Sends the head of a request, with `\r\n` line breaks.
    pub(crate) async fn head(&mut self, line: &str, headers: &[(&str, String)]) {
        let mut head = format!("{line} HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.send((head + "\r\n").as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        patient(self.0.write_all(bytes)).await.unwrap();
    }

    /// Reads up to the end of the next head: a response, or a `100 Continue`.
    pub(crate) async fn answer(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(patient(self.0.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads up to and including `words`.
    pub(crate) async fn until(&mut self, words: &str) {
        let mut read = Vec::new();
        while !read.ends_with(words.as_bytes()) {
            read.push(patient(self.0.read_u8()).await.unwrap());
        }
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = String::new();
        patient(self.0.read_to_string(&mut rest)).await.unwrap();
        rest
    }

    /// Returns the next final response head, or `None` if the server closes
    /// before its end.
    pub(crate) async fn response(&mut self) -> Option<Response<()>> {
        loop {
            let response = self.next_head().await?;
            if !response.status().is_informational() {
                return Some(response);
            }
        }
    }

    async fn next_head(&mut self) -> Option<Response<()>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(patient(self.0.read_u8()).await.ok()?);
        }
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let status = &lines.next()?[9..12];
        let mut response = Response::builder().status(status);
        for line in lines.filter(|line| !line.is_empty()) {
            let colon = line.iter().position(|&byte| byte == b':')?;
            response = response.header(&line[..colon], line[colon + 1..].trim_ascii());
        }
        Some(response.body(()).expect("the head is well formed"))
    }

    /// Closes the sending side, and keeps reading.
    pub(crate) async fn say_no_more(&mut self) {
        patient(self.0.shutdown()).await.unwrap();
    }

    /// Closes the connection with FIN.
    pub(crate) fn fin(self) {
        drop(self);
    }

    /// Resets the connection with RST.
    pub(crate) fn rst(self) {
        SockRef::from(&self.0)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// An HTTP/2 connection.
pub(crate) struct Http2 {
    client: SendRequest<Bytes>,
    pings: PingPong,
}

/// A request whose body may continue.
pub(crate) struct Stream {
    pub(crate) answer: ResponseFuture,
    send: SendStream<Bytes>,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let (client, mut connection) = h2::client::handshake(socket).await.unwrap();
        let pings = connection.ping_pong().expect("nobody has taken it");
        tokio::spawn(connection);
        Self { client, pings }
    }

    /// Begins a request.
    pub(crate) async fn begin(&mut self, request: Request<()>, ends: Ends) -> Stream {
        patient(std::future::poll_fn(|cx| self.client.poll_ready(cx)))
            .await
            .unwrap();
        let (answer, send) = self
            .client
            .send_request(request, ends == Ends::Here)
            .unwrap();
        Stream { answer, send }
    }

    /// Waits until the server has read everything sent so far.
    pub(crate) async fn is_heard(&mut self) {
        patient(self.pings.ping(Ping::opaque())).await.unwrap();
    }
}

/// Whether a part of a request is its last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Here,
    Later,
}

impl Stream {
    pub(crate) async fn send(&mut self, mut bytes: Bytes, ends: Ends) {
        self.send.reserve_capacity(bytes.len());
        while !bytes.is_empty() {
            let capacity = patient(std::future::poll_fn(|cx| self.send.poll_capacity(cx))).await;
            let room = capacity.unwrap().unwrap().min(bytes.len());
            let piece = bytes.split_to(room);
            let last = bytes.is_empty() && ends == Ends::Here;
            self.send.send_data(piece, last).unwrap();
        }
    }

    /// Ends the request.
    pub(crate) fn end(&mut self) {
        self.send.send_data(Bytes::new(), true).unwrap();
    }

    /// Ends the request with trailers.
    pub(crate) fn end_with(&mut self, trailers: HeaderMap) {
        self.send.send_trailers(trailers).unwrap();
    }

    /// Splits the stream into its two directions.
    pub(crate) fn split(self) -> (ResponseFuture, SendStream<Bytes>) {
        (self.answer, self.send)
    }

    pub(crate) async fn answer(self) -> Response<RecvStream> {
        patient(self.answer).await.unwrap()
    }

    /// Waits until the server stops reading the request.
    pub(crate) async fn is_reset(&mut self) -> Reason {
        let reset = std::future::poll_fn(|cx| self.send.poll_reset(cx));
        patient(reset).await.unwrap()
    }

    /// Returns the head of the response, or `None` if the server resets the
    /// stream first.
    pub(crate) async fn response(self) -> Option<Response<()>> {
        let response = patient(self.answer).await.ok()?;
        Some(response.map(drop))
    }

    pub(crate) fn reset(mut self, reason: Reason) {
        self.send.send_reset(reason);
    }
}
