//! Sends requests over a socket, each over a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::actions::{Framing, Span, Sum};
use crate::harness::patient;
use crate::harness::tus::{Content, Version};
use crate::request::{self, Answer, Load, NewLength, Request};

/// The type of a body with bytes.
const BYTES: &str = "application/offset+octet-stream";

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// Returns the head of a request for the upload with this id.
    pub(crate) fn of(request: &Request, id: &str) -> Self {
        let method = match request {
            Request::Create(_) => Method::POST,
            Request::Append { .. } => Method::PATCH,
            Request::Head => Method::HEAD,
            Request::Get(_) => Method::GET,
            Request::Delete => Method::DELETE,
        };
        let path = match request {
            Request::Create(_) => "/files/".to_owned(),
            _ => format!("/files/{id}"),
        };
        let mut head = Self {
            method,
            path,
            headers: HeaderMap::new(),
        };
        // With it, a GET is a HEAD that a cache has changed.
        if head.method != Method::GET {
            head.add("tus-resumable", "1.0.0");
        }
        match request {
            Request::Create(new) => head.create(new),
            Request::Append {
                offset,
                length,
                load,
            } => {
                head.add("upload-offset", offset.to_string());
                if let Some(length) = length {
                    head.add("upload-length", length.to_string());
                }
                head.load(load);
            }
            Request::Get(Some(span)) => head.add("range", Self::range(*span)),
            Request::Get(None) | Request::Head | Request::Delete => {}
        }
        head
    }

    fn create(&mut self, new: &request::New) {
        self.add("upload-metadata", &new.about.metadata);
        if let Some(concat) = &new.about.concat {
            self.add("upload-concat", concat);
        }
        let request::Content::Sent(length, load) = &new.content else {
            return;
        };
        match length {
            NewLength::Known(length) => self.add("upload-length", length.to_string()),
            NewLength::Deferred => self.add("upload-defer-length", "1"),
            NewLength::Both => {
                self.add("upload-length", "1");
                self.add("upload-defer-length", "1");
            }
            NewLength::Neither => {}
        }
        if let Some(load) = load {
            self.load(load);
        }
    }

    fn load(&mut self, load: &Load) {
        self.add("content-type", BYTES);
        if load.framing == Framing::Announced {
            self.add("content-length", load.bytes.len().to_string());
        }
        match load.sum {
            Sum::Header(claim) => self.add("upload-checksum", load.checksum(claim)),
            Sum::Trailer(_) => self.add("trailer", "upload-checksum"),
            Sum::Absent => {}
        }
    }

    fn range(span: Span) -> String {
        match span {
            Span::From(first) => format!("bytes={first}-"),
            Span::Within(first, last) => format!("bytes={first}-{last}"),
            Span::Last(bytes) => format!("bytes=-{bytes}"),
        }
    }

    fn add(&mut self, name: &'static str, value: impl Into<String>) {
        let value = HeaderValue::try_from(value.into()).expect("it is a header value");
        self.headers.insert(HeaderName::from_static(name), value);
    }
}

/// Sends a request and awaits its answer; `None` if the server goes first.
pub(crate) async fn ask(
    address: SocketAddr,
    version: Version,
    head: Head,
    load: Option<Load>,
) -> Option<Answer> {
    let mut request = http::Request::new(body(load));
    *request.method_mut() = head.method;
    *request.headers_mut() = head.headers;
    let uri = match version {
        Version::Http1 => head.path,
        Version::Http2 => format!("http://tus{}", head.path),
    };
    *request.uri_mut() = uri.parse().expect("it is a path");
    let socket = TcpStream::connect(address).await.ok()?;
    socket.set_nodelay(true).ok()?;
    let socket = TokioIo::new(socket);
    let response = match version {
        Version::Http1 => {
            request
                .headers_mut()
                .insert("host", HeaderValue::from_static("tus"));
            let (mut client, connection) = http1::handshake(socket).await.ok()?;
            tokio::spawn(connection);
            patient(client.send_request(request)).await.ok()?
        }
        Version::Http2 => {
            let executor = TokioExecutor::new();
            let (mut client, connection) = http2::handshake(executor, socket).await.ok()?;
            tokio::spawn(connection);
            patient(client.send_request(request)).await.ok()?
        }
    };
    let (parts, body) = response.into_parts();
    let body = patient(body.collect()).await.ok()?.to_bytes();
    Some(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}

fn body(load: Option<Load>) -> Content {
    let Some(load) = load else {
        return http_body_util::Empty::new().boxed();
    };
    let mut frames: Vec<_> = pieces(&load).into_iter().map(Frame::data).collect();
    if let Sum::Trailer(claim) = load.sum {
        let mut trailers = HeaderMap::new();
        let value = HeaderValue::try_from(load.checksum(claim)).expect("it is a header value");
        trailers.insert("upload-checksum", value);
        frames.push(Frame::trailers(trailers));
    }
    let frames = stream::unfold((frames.into_iter(), 0), |(mut frames, sent)| async move {
        let frame = frames.next()?;
        if sent > 0 {
            // Like over a slow link, so that pieces arrive one by one.
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        Some((Ok(frame), (frames, sent + 1)))
    });
    BodyExt::boxed(StreamBody::new(frames))
}

fn pieces(load: &Load) -> Vec<Bytes> {
    let size = load.bytes.len().div_ceil(load.pieces).max(1);
    let starts = (0..load.bytes.len()).step_by(size);
    starts
        .map(|start| load.bytes.slice(start..load.bytes.len().min(start + size)))
        .collect()
}
