//! HTTP on the connections that a listener accepts.

use std::convert::Infallible;
use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
use std::pin::pin;
use std::time::Duration;

use ::metrics::Gauge;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::watch;
use tokio::time::sleep;
use tower::{Service, ServiceExt};
use tower_tus::layers::protocol::{BoxError, Peer};

use crate::listener::{Io, Listener};
use crate::metrics::connections_open;
use crate::taken::Given;

/// How large the head of a request may be, in bytes: as large over HTTP/2 as
/// hyper has it for HTTP/1, for long lists in Upload-Concat and Upload-Metadata.
const HEAD: u32 = 408 << 10;

/// How many header lines a request may have over HTTP/1; over HTTP/2 their size alone counts.
const HEADERS: usize = 250;

/// As good as no limit: thirty years.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// How long to wait until files or memory for a connection may be there again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves connections, and knows them until they end.
pub(crate) struct Server<S> {
    service: S,
    http: Builder<TokioExecutor>,
    network_timeout: Option<Duration>,
    closing: watch::Sender<()>,
    open: Gauge,
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves `service` to clients that take no longer than `network_timeout`
    /// until the head of the next request is there, and until they take some of
    /// what they are given. Zero is for ever.
    pub(crate) fn new(service: S, network_timeout: Duration) -> Self {
        let network_timeout = (!network_timeout.is_zero()).then_some(network_timeout);
        Self {
            service,
            http: http(network_timeout),
            network_timeout,
            closing: watch::Sender::default(),
            open: connections_open(),
        }
    }

    /// Speaks HTTP/1.1, and not HTTP/2.
    pub(crate) fn http1_only(self) -> Self {
        let http = self.http.http1_only();
        Self { http, ..self }
    }

    /// Accepts connections for as long as it is polled.
    pub(crate) async fn accept(&self, listener: &Listener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((io, peer)) => self.serve(io, peer),
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
    fn serve(&self, io: impl Io, peer: Peer) {
        let given = Given::new();
        let service = service_fn({
            let (service, given) = (self.service.clone(), given.clone());
            move |mut request: Request<_>| {
                request.extensions_mut().insert(peer);
                let (given, answering) = (given.clone(), given.answering());
                let response = service.clone().oneshot(request);
                async move {
                    let response = response.await.map(with_reason);
                    drop(answering);
                    response.map(|response| response.map(|body| given.body(body)))
                }
            }
        });
        let connection = self
            .http
            .serve_connection(TokioIo::new(io), service)
            .into_owned();
        let mut closing = self.closing.subscribe();
        let limit = self.network_timeout.unwrap_or(FOR_EVER);
        let open = Open::begin(self.open.clone());
        tokio::spawn(async move {
            let _open = open;
            let served = async {
                let mut connection = pin!(connection);
                let early = tokio::select! {
                    ended = &mut connection => Some(ended),
                    _ = closing.changed() => None,
                    () = given.idle(limit) => None,
                };
                if let Some(ended) = early {
                    return ended;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            };
            let ended = tokio::select! {
                ended = served => ended,
                () = given.stalled(limit) => Err("the client takes nothing".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(error, %peer, "a connection ended early");
            }
        });
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

fn http(network_timeout: Option<Duration>) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(network_timeout)
        .max_headers(HEADERS)
        // A client that ends its half after a whole request waits for the answer.
        .half_close(true)
        // Clients and scripts that compare names by case know Go's.
        .title_case_headers(true);
    // Half of the time until the client is asked, half of it for the answer.
    let half = network_timeout.map(|limit| limit / 2);
    http.http2()
        .timer(TokioTimer::new())
        // What TCP has for an upload over HTTP/1.1: 40 MB/s at 100 ms. Frames stay
        // at 16 KiB, because of one that is cut in the middle nothing is kept.
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .max_header_list_size(HEAD)
        .max_concurrent_streams(250)
        .keep_alive_interval(half)
        .keep_alive_timeout(half.unwrap_or_default());
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, timeout};

    const SHORT: Duration = Duration::from_millis(20);

    /// Answers 460 to a client of a unix socket, after the time that it asks for.
    async fn mismatch(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        assert_eq!(request.extensions().get(), Some(&Peer::UNIX));
        let millis = request.uri().path()[1..].parse().unwrap();
        sleep(Duration::from_millis(millis)).await;
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::from_u16(460).unwrap();
        Ok(response)
    }

    async fn answer(network_timeout: Duration, request: &[u8]) -> String {
        let (mut client, io) = duplex(1024);
        let server = Server::new(tower::service_fn(mismatch), network_timeout);
        server.serve(io, Peer::UNIX);
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
        server.serve(io, Peer::UNIX);
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
