//! HTTP/2, one request at a time, with DATA frames of 16 KiB like those of browsers.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, SendStream};
use http::Method;

use super::{Answer, Io, Payload, Request};
use crate::Result;
use crate::options::Wire;

const FRAME: usize = 16 << 10;
/// Windows for downloads, as large as those of browsers.
const WINDOW: u32 = 6 << 20;

/// A connection.
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
    origin: &'static str,
}

impl Http2 {
    pub(super) async fn new(io: Box<dyn Io>, wire: Wire) -> Result<Self> {
        let (requests, connection) = Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(io)
            .await?;
        tokio::spawn(connection);
        let origin = match wire {
            Wire::TlsH2 => "https://localhost",
            _ => "http://localhost",
        };
        Ok(Self { requests, origin })
    }

    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<Answer> {
        let body = request.body.unwrap_or(Payload::of(0));
        let head = self.head(request)?;
        self.requests = self.requests.clone().ready().await?;
        let is_empty = body.length() == 0;
        let (response, stream) = self.requests.send_request(head, is_empty)?;
        if !is_empty {
            send_body(stream, body).await?;
        }
        let response = response.await?;
        let mut answer = Answer {
            status: response.status(),
            ..Answer::default()
        };
        for (name, value) in response.headers() {
            answer.read_header(name.as_str(), value.as_bytes())?;
        }
        answer.received = discard(response.into_body()).await?;
        Ok(answer)
    }

    fn head(&self, request: &Request<'_>) -> Result<http::Request<()>> {
        let mut head = http::Request::builder()
            .method(&request.method)
            .uri([self.origin, request.path].concat());
        if request.is_tus() {
            head = head.header("tus-resumable", "1.0.0");
        }
        for (name, value) in request.headers.iter().flatten() {
            head = head.header(*name, *value);
        }
        if let Some(body) = &request.body {
            head = head
                .header("content-type", "application/offset+octet-stream")
                .header("content-length", body.length());
        } else if request.method == Method::POST {
            head = head.header("content-length", 0);
        }
        Ok(head.body(())?)
    }
}

async fn send_body(mut stream: SendStream<Bytes>, body: Payload) -> Result<()> {
    let mut left = body.length();
    for mut piece in body.pieces(FRAME) {
        while !piece.is_empty() {
            stream.reserve_capacity(piece.len());
            let capacity = poll_fn(|context| stream.poll_capacity(context)).await;
            let capacity = capacity.ok_or("the server ended the request")??;
            let part = piece.split_to(capacity.min(piece.len()));
            left -= part.len() as u64;
            stream.send_data(part, left == 0)?;
        }
    }
    Ok(())
}

async fn discard(mut body: RecvStream) -> Result<u64> {
    let mut received = 0;
    while let Some(data) = body.data().await {
        let length = data?.len();
        received += length as u64;
        body.flow_control().release_capacity(length)?;
    }
    Ok(received)
}
