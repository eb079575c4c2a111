//! A tus client over HTTP/1.1 or HTTP/2 that sends exactly the given requests.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::header::LOCATION;
use http::request::Builder;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::patient;

/// An HTTP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// A request body: bytes of known length, or a stream of unknown length.
pub(crate) type Content = BoxBody<Bytes, Infallible>;

/// A response with its whole body.
pub(crate) type Answer = Response<Bytes>;

/// A client for one upload collection.
#[derive(Clone)]
pub(crate) struct Tus {
    client: Client<HttpConnector, Content>,
    /// The URL of the collection, with a trailing slash.
    pub(crate) url: String,
}

impl Tus {
    pub(crate) fn new(url: &str, version: Version) -> Self {
        // A server with a short network timeout closes idle connections: none
        // is used again that it may be about to close.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(50))
            .http2_only(version == Version::Http2)
            .http2_max_header_list_size(1 << 20)
            .build_http();
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// Sends a request unchanged.
    pub(crate) async fn send(&self, request: Request<Content>) -> Answer {
        let answer = patient(self.client.request(request)).await;
        let (parts, body) = answer.expect("the server answers").into_parts();
        let body = patient(body.collect()).await.expect("the answer ends well");
        Response::from_parts(parts, body.to_bytes())
    }

    /// Like [`send`](Self::send), for a server that may exit before it
    /// responds.
    pub(crate) async fn try_send(&self, request: Request<Content>) -> Option<Answer> {
        let answer = patient(self.client.request(request)).await.ok()?;
        let (parts, body) = answer.into_parts();
        let body = patient(body.collect()).await.ok()?;
        Some(Response::from_parts(parts, body.to_bytes()))
    }

    /// Sends a request with an empty body.
    pub(crate) async fn ask(&self, request: Builder) -> Answer {
        self.send(request.body(content("")).unwrap()).await
    }

    /// Builds a creation without a length.
    pub(crate) fn post(&self) -> Builder {
        request(Method::POST, &self.url)
    }

    /// Creates an upload of `length` bytes, and returns its URL.
    pub(crate) async fn create(&self, length: u64) -> String {
        let answer = self.ask(self.post().header("Upload-Length", length)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        self.location(&answer)
    }

    /// Returns the URL of a new upload.
    pub(crate) fn location(&self, answer: &Answer) -> String {
        let location = answer.headers()[LOCATION].to_str().unwrap();
        let authority_end = self.url[8..].find('/').unwrap() + 8;
        let base = match location {
            _ if location.contains("://") => "",
            _ if location.starts_with("//") => "http:",
            _ if location.starts_with('/') => &self.url[..authority_end],
            _ => &self.url[..=self.url.rfind('/').unwrap()],
        };
        format!("{base}{location}")
    }

    pub(crate) async fn head(&self, url: &str) -> Answer {
        self.ask(request(Method::HEAD, url)).await
    }

    /// Appends at `offset`.
    pub(crate) async fn append(&self, url: &str, offset: u64, content: Content) -> Answer {
        self.send(patch(url, offset).body(content).unwrap()).await
    }

    /// Returns the offset of an upload.
    pub(crate) async fn offset(&self, url: &str) -> u64 {
        let answer = self.head(url).await;
        assert_eq!(answer.status(), StatusCode::OK);
        number(answer.headers(), "upload-offset")
    }
}

/// Builds a request with `Tus-Resumable`.
pub(crate) fn request(method: Method, url: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(url)
        .header("Tus-Resumable", "1.0.0")
}

/// Builds an append, without the body.
pub(crate) fn patch(url: &str, offset: u64) -> Builder {
    request(Method::PATCH, url)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

/// Returns a body of known length.
pub(crate) fn content(bytes: impl Into<Bytes>) -> Content {
    Full::new(bytes.into()).boxed()
}

/// Returns a body of unknown length.
pub(crate) fn chunked(frames: &'static [&'static str]) -> Content {
    streamed(futures_util::stream::iter(
        frames.iter().map(|text| Bytes::from(*text)),
    ))
}

/// Like [`chunked`], from a stream.
pub(crate) fn streamed(frames: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Content {
    BodyExt::boxed(StreamBody::new(frames.map(|bytes| Ok(Frame::data(bytes)))))
}

/// Parses a numeric header.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> u64 {
    headers[name].to_str().unwrap().parse().unwrap()
}

/// Returns the error code in a response, such as `ERR_UPLOAD_NOT_FOUND`.
pub(crate) fn code(answer: &Answer) -> String {
    let text = std::str::from_utf8(answer.body()).unwrap();
    text.split(':').next().unwrap().to_owned()
}
