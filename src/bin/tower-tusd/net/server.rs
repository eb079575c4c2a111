//! HTTP on the connections that a listener accepts.

use std::convert::Infallible;
use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::server::conn::http1::Builder;
use metrics::Gauge;
use tokio::sync::watch;
use tokio::time::sleep;
use tower::Service;
use tower::util::MapRequest;
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::{Body, BoxError};

use super::again::Again;
use super::connection::{Connection, http1};
use super::http2::{Http2, WindowBudget};
use super::listener::{Accepted, Listener};
use super::open::{Open, connections_open};
use super::send_queue::SendQueue;
use super::slots::{Slot, Slots};

/// Maximum size of a request's head over HTTP/2 in bytes: hyper's limit for HTTP/1,
/// which leaves room for long lists in Upload-Concat and Upload-Metadata. The heads
/// of all requests on a connection have a limit too.
const HEAD: u32 = 408 << 10;

/// Practically no limit: thirty years.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// Pause after an error of the listener: files or memory may be available again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves connections, and tracks them until they end.
pub(crate) struct Server<S> {
    service: S,
    http1: Builder,
    http2: Option<Http2>,
    /// How long the server waits for a client.
    limit: Duration,
    max_read: u64,
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
    /// Closes connections whose clients send no whole head, or read nothing, for
    /// `network_timeout`; zero means no limit.
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
            max_read: u64::MAX,
            slots: Slots::unlimited(),
            closing: watch::Sender::default(),
            open: connections_open(),
        }
    }

    /// Limits the number of open connections: others wait until one ends.
    pub(crate) fn max_connections(self, most: usize) -> Self {
        Self {
            slots: Slots::new(most),
            ..self
        }
    }

    /// Limits how many bytes one read brings over HTTP/1: a body that waits then holds
    /// less memory, and one that does not costs more CPU time.
    pub(crate) fn max_read(self, most: u64) -> Self {
        Self {
            max_read: most,
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
            // First, so that clients beyond the maximum wait in the system's queue.
            let slot = self.slots.next().await;
            match listener.accept().await {
                Ok(accepted) => self.serve(accepted, slot),
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

    /// Serves one connection in its own task.
    fn serve(&self, accepted: Accepted, slot: Slot) {
        let Accepted {
            io,
            peer,
            line,
            tls,
        } = accepted;
        let service = self.service.clone();
        let service = MapRequest::new(service, move |mut request: Request<Body>| {
            Context::of_mut(request.extensions_mut()).set_peer(peer);
            request
        });
        let connection = Box::new(Connection {
            service,
            http1: self.http1.clone(),
            http2: self.http2.clone(),
            queue: SendQueue::new(),
            line,
            tls,
            limit: self.limit,
            max_read: self.max_read,
            closing: self.closing.subscribe(),
        });
        let open = Open::begin(self.open.clone());
        tokio::spawn(Again::new(async move {
            let _open = (open, slot);
            if let Err(error) = connection.serve(io).await {
                tracing::debug!(error, %peer, "connection ended early");
            }
        }));
    }
}

impl<S> Server<S> {
    /// Lets every connection finish its requests, and waits until all have ended.
    pub(crate) async fn close(self) {
        self.closing.send_replace(());
        self.closing.closed().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::net::socket::Shared;
    use http_body_util::Empty;
    use hyper::client::conn::http2::handshake;
    use hyper_util::rt::TokioExecutor;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::{Instant, timeout};
    use tower_tus::layers::protocol::Peer;

    const SHORT: Duration = Duration::from_millis(20);

    /// Answers 460 to a client of a unix socket, after the time in the path.
    async fn mismatch(request: Request<Body>) -> Result<Response<String>, Infallible> {
        assert_eq!(Context::of(request.extensions()).peer(), Some(Peer::UNIX));
        let millis = request.uri().path()[1..].parse().unwrap();
        sleep(Duration::from_millis(millis)).await;
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::from_u16(460).unwrap();
        Ok(response)
    }

    /// A client of the server.
    async fn connect<S, B>(server: &Server<S>) -> UnixStream
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (client, stream) = UnixStream::pair().unwrap();
        let (io, line) = Shared::unix(stream);
        let accepted = Accepted {
            io: Box::new(io),
            peer: Peer::UNIX,
            line,
            tls: None,
        };
        server.serve(accepted, server.slots.next().await);
        client
    }

    async fn answer(network_timeout: Duration, request: &[u8]) -> String {
        let server = Server::new(tower::service_fn(mismatch), network_timeout);
        let mut client = connect(&server).await;
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        match client.read_to_string(&mut answer).await {
            // Of a connection with bytes that nothing has read.
            Err(error) if error.kind() == ConnectionReset => {}
            read => assert_eq!(read.unwrap(), answer.len()),
        }
        answer
    }

    #[tokio::test]
    async fn the_status_that_http_does_not_know_has_a_reason() {
        let request = b"GET /0 HTTP/1.1\r\nHost: tus\r\nConnection: close\r\n\r\n";
        let answer = answer(Duration::ZERO, request).await;
        let (status, _) = answer.split_once("\r\n").unwrap();
        assert_eq!(status, "HTTP/1.1 460 Checksum Mismatch");
    }

    /// Answers 200 if the values of the head follow each other in memory, as they do in
    /// a copy, and 400 if they lie between their names, as they do in the buffer that
    /// they arrived in.
    async fn is_copied(request: Request<Body>) -> Result<Response<String>, Infallible> {
        let mut values = request.headers().values().map(|value| value.as_bytes());
        let first = values.next().unwrap();
        let end = first.as_ptr_range().end;
        let follow = values.try_fold(end, |end, value| {
            (value.as_ptr() == end).then_some(value.as_ptr_range().end)
        });
        let mut response = Response::new(String::new());
        if follow.is_none() {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
        }
        Ok(response)
    }

    #[tokio::test]
    async fn a_request_whose_body_is_still_to_come_does_not_keep_the_buffer_of_its_head() {
        let server = Server::new(tower::service_fn(is_copied), Duration::ZERO);
        for (length, status) in [("5", "200"), ("0", "400")] {
            let mut client = connect(&server).await;
            let head = format!(
                "POST / HTTP/1.1\r\nHost: tus\r\nContent-Length: {length}\r\n\
                 Upload-Metadata: a YQ==\r\nConnection: close\r\n\r\n"
            );
            client.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer[9..], status.as_bytes(), "{length} bytes to come");
        }
    }

    #[tokio::test]
    async fn a_client_that_sends_no_head_is_disconnected() {
        // "P" may become an HTTP/2 preface, or a PUT.
        for begin in [&b""[..], b"P", b"GET /0 HTTP/1.1\r\nHost"] {
            let answer = timeout(Duration::from_secs(10), answer(SHORT, begin));
            assert_eq!(answer.await.as_deref(), Ok(""));
        }
    }

    #[tokio::test]
    async fn a_request_may_take_longer_than_its_head() {
        let answer = answer(SHORT, b"GET /60 HTTP/1.1\r\nHost: tus\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 460 "), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_http_2_client_is_disconnected() {
        let minute = Duration::from_secs(60);
        let server = Server::new(tower::service_fn(mismatch), minute);
        let client = connect(&server).await;
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
    async fn no_client_is_disconnected_without_a_network_timeout() {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for begin in ["", "P", "GET /0 HTTP/1.1\r\nHost", preface] {
            let day = Duration::from_secs(24 * 60 * 60);
            let answer = answer(Duration::ZERO, begin.as_bytes());
            assert!(timeout(day, answer).await.is_err(), "{begin:?}");
        }
    }
}
