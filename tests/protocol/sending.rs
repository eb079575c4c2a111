//! A request whose body is sent in pieces, and possibly not to its end.

use bytes::Bytes;
use h2::Reason;
use http::request::Builder;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};

use crate::harness::raw::{Ends, Http1, Http2, Stream};
use crate::harness::tus::Version;
use crate::peer::Peer;

/// A request whose head has been sent.
pub(crate) enum Sending {
    Http1 { client: Http1, chunked: bool },
    Http2 { client: Http2, stream: Stream },
}

/// The way in which a client disconnects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// With FIN, or RST_STREAM(NO_ERROR).
    Goodbye,
    /// With RST, or RST_STREAM(CANCEL).
    Reset,
}

pub(crate) const CUTS: [Cut; 2] = [Cut::Goodbye, Cut::Reset];

/// Length of the body, if it is declared.
pub(crate) type Length = Option<u64>;

impl Sending {
    /// Sends the head of a request with a body.
    pub(crate) async fn begin(peer: &Peer, request: Builder, length: Length) -> Self {
        let request = match length {
            Some(length) => request.header("Content-Length", length),
            None => request,
        };
        let request = request.body(()).unwrap();
        match peer.version {
            Version::Http1 => {
                let mut client = Http1::connect(peer.server.address).await;
                client.send(&head(&request, length)).await;
                let chunked = length.is_none();
                Self::Http1 { client, chunked }
            }
            Version::Http2 => {
                let mut client = Http2::connect(peer.server.address).await;
                let stream = client.begin(request, Ends::Later).await;
                Self::Http2 { client, stream }
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        match self {
            Self::Http1 { client, chunked } => {
                if *chunked {
                    client
                        .send(format!("{:x}\r\n", bytes.len()).as_bytes())
                        .await;
                }
                client.send(&bytes).await;
                if *chunked {
                    client.send(b"\r\n").await;
                }
            }
            Self::Http2 { stream, .. } => stream.send(bytes, Ends::Later).await,
        }
    }

    /// Ends the body, with trailers if there are any.
    pub(crate) async fn end(&mut self, trailers: &[(&str, &str)]) {
        match self {
            Self::Http1 { chunked: false, .. } => {}
            Self::Http1 { client, .. } => {
                let lines = trailers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\r\n"));
                let end = format!("0\r\n{}\r\n", lines.collect::<String>());
                client.send(end.as_bytes()).await;
            }
            Self::Http2 { stream, .. } if trailers.is_empty() => stream.end(),
            Self::Http2 { stream, .. } => {
                let mut map = HeaderMap::new();
                for (name, value) in trailers {
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    map.append(name, value.parse().unwrap());
                }
                stream.end_with(map);
            }
        }
    }

    /// Returns the next status on HTTP/1.1, which may be `100 Continue`.
    pub(crate) async fn next_status(&mut self) -> Option<StatusCode> {
        match self {
            Self::Http1 { client, .. } => {
                let head = client.answer().await;
                Some(head[9..12].parse().unwrap())
            }
            Self::Http2 { .. } => None,
        }
    }

    pub(crate) async fn answer(self) -> Response<()> {
        let answer = match self {
            Self::Http1 { mut client, .. } => client.response().await,
            Self::Http2 { stream, .. } => stream.response().await,
        };
        answer.expect("the server answers")
    }

    /// Disconnects within the body. With FIN on HTTP/1.1, waits until the
    /// server closes too, which has then read everything.
    pub(crate) async fn cut(self, cut: Cut) {
        match (self, cut) {
            (Self::Http1 { mut client, .. }, Cut::Goodbye) => {
                client.say_no_more().await;
                while client.response().await.is_some() {}
            }
            (Self::Http1 { client, .. }, Cut::Reset) => client.rst(),
            (Self::Http2 { mut client, stream }, cut) => {
                // Without this, the server might never see a stream that is
                // reset at once.
                client.is_heard().await;
                stream.reset(match cut {
                    Cut::Goodbye => Reason::NO_ERROR,
                    Cut::Reset => Reason::CANCEL,
                });
            }
        }
    }
}

/// Formats the head of an HTTP/1.1 request.
fn head(request: &Request<()>, length: Length) -> Vec<u8> {
    let uri = request.uri();
    let (method, path) = (request.method(), uri.path_and_query().unwrap());
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n",
        uri.authority().unwrap()
    );
    if length.is_none() {
        head += "Transfer-Encoding: chunked\r\n";
    }
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    (head + "\r\n").into_bytes()
}
