//! HTTP on the connections that a listener accepts.

use std::convert::Infallible;
use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
use std::pin::pin;
use std::time::Duration;

use ::metrics::Gauge;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::sleep;
use tower::util::MapRequest;
use tower::{Service, ServiceExt};
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::{Body, BoxError, Disconnect, Peer};

use crate::http2::{Http2, WindowBudget};
use crate::listener::{Accepted, Io, Listener};
use crate::metrics::connections_open;
use crate::preface::{Version, version};
use crate::rewound::Rewound;
use crate::slots::{Slot, Slots};
use crate::socket::Line;
use crate::taken::Given;

/// How large the head of a request may be, in bytes: as large over HTTP/2 as
/// hyper has it for HTTP/1, for long lists in Upload-Concat and Upload-Metadata.
/// All heads on a connection of HTTP/2 together are bounded too.
const HEAD: u32 = 408 << 10;

/// How many header lines a request may have over HTTP/1.
const HEADERS: usize = 250;

/// As good as no limit: thirty years.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// How long to wait until files or memory for a connection may be there again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves connections, and knows them until they end.
pub(crate) struct Server<S> {
    service: S,
    http1: Builder,
    http2: Option<Http2>,
    /// How long a client is waited for.
    limit: Duration,
    slots: Slots,
    closing: watch::Sender<()>,
    open: Gauge,
}

impl<S, B> Server<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves `service` to clients that take no longer than `network_timeout`
    /// until the head of the next request is there, and until they take some of
    /// what they are given. Zero is for ever.
    pub(crate) fn new(service: S, network_timeout: Duration) -> Self {
        let network_timeout = (!network_timeout.is_zero()).then_some(network_timeout);
        let limit = network_timeout.unwrap_or(FOR_EVER);
        Self {
            service,
            http1: http1(network_timeout),
            http2: Some(Http2 {
                limit,
                windows: WindowBudget::default(),
                max_head: HEAD,
            }),
            limit,
            slots: Slots::unlimited(),
            closing: watch::Sender::default(),
            open: connections_open(),
        }
    }

    /// Has no more than `most` connections open at once: others wait until one ends.
    pub(crate) fn max_connections(self, most: usize) -> Self {
        Self {
            slots: Slots::new(most),
            ..self
        }
    }

    /// Speaks HTTP/1.1, and not HTTP/2.
    pub(crate) fn http1_only(self) -> Self {
        Self {
            http2: None,
            ..self
        }
    }

    /// Accepts connections for as long as it is polled.
    pub(crate) async fn accept(&self, listener: &Listener) -> Infallible {
        loop {
            // Before: a client beyond the maximum waits in the system's queue, and
            // takes nothing here.
            let slot = self.slots.next().await;
            match listener.accept().await {
                Ok(Accepted { io, peer, line }) => self.serve(io, peer, line, slot),
                // The client is gone already.
                Err(error)
                    if matches!(
                        error.kind(),
                        ConnectionAborted | ConnectionRefused | ConnectionReset
                    ) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection in a task of its own.
    fn serve(&self, io: impl Io, peer: Peer, line: Line, slot: Slot) {
        let service = self.service.clone();
        let service = MapRequest::new(service, move |mut request: Request<Body>| {
            Context::of_mut(request.extensions_mut()).set_peer(peer);
            request
        });
        let connection = Connection {
            service,
            http1: self.http1.clone(),
            http2: self.http2.clone(),
            given: Given::new(),
            line,
            limit: self.limit,
            closing: self.closing.subscribe(),
        };
        let open = Open::begin(self.open.clone());
        tokio::spawn(async move {
            let _open = (open, slot);
            if let Err(error) = connection.serve(io).await {
                tracing::debug!(error, %peer, "a connection ended early");
            }
        });
    }
}

/// What one connection is served with.
struct Connection<S> {
    service: S,
    http1: Builder,
    http2: Option<Http2>,
    given: Given,
    line: Line,
    limit: Duration,
    closing: watch::Receiver<()>,
}

impl<S, B> Connection<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn serve(mut self, io: impl Io) -> Result<(), BoxError> {
        let Some(http2) = self.http2.take() else {
            return self.serve_http1(Rewound::untouched(io)).await;
        };
        let (version, io) = tokio::select! {
            first = version(io) => first?,
            () = leave(&mut self.closing, &self.given, self.limit) => return Ok(()),
        };
        match version {
            Version::Http1 => self.serve_http1(io).await,
            Version::Http2 => {
                let leave = leave(&mut self.closing, &self.given, self.limit);
                http2.serve(io, self.service, &self.given, leave).await
            }
        }
    }

    async fn serve_http1(mut self, io: Rewound<impl Io>) -> Result<(), BoxError> {
        let service = service_fn({
            let given = self.given.clone();
            move |mut request: Request<Incoming>| {
                let (given, answering) = (given.clone(), given.answering());
                let (line, departure) = (self.line.clone(), Disconnect::default());
                Context::of_mut(request.extensions_mut()).set_disconnect(departure.clone());
                let response = self.service.clone().oneshot(request.map(Body::new));
                async move {
                    let response = line.watch(response, &departure).await.map(with_reason);
                    drop(answering);
                    response.map(|response| response.map(|body| given.body(body)))
                }
            }
        });
        let connection = self.http1.serve_connection(TokioIo::new(io), service);
        let served = async {
            let mut connection = pin!(connection);
            tokio::select! {
                ended = &mut connection => return ended,
                () = leave(&mut self.closing, &self.given, self.limit) => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        tokio::select! {
            ended = served => ended.map_err(BoxError::from),
            () = self.given.stalled(self.limit) => Err("the client takes nothing".into()),
        }
    }
}

/// Waits until no more requests are to come: the server closes, or the client
/// has asked nothing for as long as `limit`.
async fn leave(closing: &mut watch::Receiver<()>, given: &Given, limit: Duration) {
    tokio::select! {
        _ = closing.changed() => {}
        () = given.idle(limit) => {}
    }
}

impl<S> Server<S> {
    /// Lets every connection answer what it has begun, and waits until all have ended.
    pub(crate) async fn close(self) {
        self.closing.send_replace(());
        self.closing.closed().await;
    }
}

/// Counts as an open connection until it is dropped.
struct Open(Gauge);

impl Open {
    fn begin(open: Gauge) -> Self {
        open.increment(1);
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn http1(network_timeout: Option<Duration>) -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(network_timeout)
        .max_headers(HEADERS)
        // A client that ends its half after a whole request waits for the answer.
        .half_close(true)
        // Clients and scripts that compare names by case know Go's.
        .title_case_headers(true);
    http
}

/// Names the one status of the protocol that HTTP does not know.
fn with_reason<B>(mut response: Response<B>) -> Response<B> {
    if response.status().as_u16() == 460 {
        let reason = ReasonPhrase::from_static(b"Checksum Mismatch");
        response.extensions_mut().insert(reason);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Empty;
    use hyper::client::conn::http2::handshake;
    use hyper_util::rt::TokioExecutor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, timeout};

    const SHORT: Duration = Duration::from_millis(20);

    /// Answers 460 to a client of a unix socket, after the time that it asks for.
    async fn mismatch(request: Request<Body>) -> Result<Response<String>, Infallible> {
        assert_eq!(Context::of(request.extensions()).peer(), Some(Peer::UNIX));
        let millis = request.uri().path()[1..].parse().unwrap();
        sleep(Duration::from_millis(millis)).await;
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::from_u16(460).unwrap();
        Ok(response)
    }

    async fn answer(network_timeout: Duration, request: &[u8]) -> String {
        let (mut client, io) = duplex(1024);
        let server = Server::new(tower::service_fn(mismatch), network_timeout);
        server.serve(io, Peer::UNIX, Line::Unseen, server.slots.next().await);
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_status_of_the_protocol_alone_has_a_reason() {
        let request = b"GET /0 HTTP/1.1\r\nHost: tus\r\nConnection: close\r\n\r\n";
        let answer = answer(Duration::ZERO, request).await;
        let (status, _) = answer.split_once("\r\n").unwrap();
        assert_eq!(status, "HTTP/1.1 460 Checksum Mismatch");
    }

    #[tokio::test]
    async fn a_client_that_sends_no_head_is_let_go() {
        // "P" may become an HTTP/2 preface, or a PUT.
        for begin in [&b""[..], b"P", b"GET /0 HTTP/1.1\r\nHost"] {
            assert_eq!(answer(SHORT, begin).await, "");
        }
    }

    #[tokio::test]
    async fn a_request_may_take_longer_than_its_head() {
        let answer = answer(SHORT, b"GET /60 HTTP/1.1\r\nHost: tus\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 460 "), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_http_2_client_is_let_go_when_it_has_asked_nothing_for_long() {
        let (client, io) = duplex(1024);
        let minute = Duration::from_secs(60);
        let server = Server::new(tower::service_fn(mismatch), minute);
        server.serve(io, Peer::UNIX, Line::Unseen, server.slots.next().await);
        let (mut client, connection) = handshake(TokioExecutor::new(), TokioIo::new(client))
            .await
            .unwrap();
        // It answers every PING.
        let connection = tokio::spawn(connection);
        let begin = Instant::now();
        let hour = Request::get("http://tus/3600000").body(Empty::<Bytes>::new());
        let answer = client.send_request(hour.unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 460, "however long it takes");
        connection.await.unwrap().unwrap();
        assert_eq!(begin.elapsed().as_secs(), 3660);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_let_go_where_there_is_no_network_timeout() {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for begin in ["", "P", "GET /0 HTTP/1.1\r\nHost", preface] {
            let day = Duration::from_secs(24 * 60 * 60);
            let answer = answer(Duration::ZERO, begin.as_bytes());
            assert!(timeout(day, answer).await.is_err(), "{begin:?}");
        }
    }
}
