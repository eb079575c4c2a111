//! HTTP on the connections that a listener accepts.

use std::convert::Infallible;
use std::error::Error;
use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use crate::metrics::connections_open;

/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait until files or memory for a connection may be there again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves connections, and knows them until they end.
pub(crate) struct Server<S> {
    service: S,
    http: Builder<TokioExecutor>,
    head_timeout: Option<Duration>,
    connections: GracefulShutdown,
    open: Gauge,
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Serves `service` to clients that take no longer than `network_timeout`
    /// until the head of a request is there. Zero is for ever.
    pub(crate) fn new(service: S, network_timeout: Duration) -> Self {
        let head_timeout = (!network_timeout.is_zero()).then_some(network_timeout);
        Self {
            service,
            http: http(head_timeout),
            head_timeout,
            connections: GracefulShutdown::new(),
            open: connections_open(),
        }
    }

    /// Accepts connections for as long as it is polled.
    pub(crate) async fn accept(&self, listener: &TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Without it a small answer may wait for the client's delayed ACK.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::warn!(%error, "NetworkControlError");
                    }
                    self.serve(stream);
                }
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
    fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let heard = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let (service, heard) = (self.service.clone(), heard.clone());
            move |request| {
                heard.store(true, Ordering::Relaxed);
                let response = service.clone().oneshot(request);
                async { response.await.map(with_reason) }
            }
        });
        let connection = self
            .http
            .serve_connection(TokioIo::new(io), service)
            .into_owned();
        let connection = self.connections.watch(connection);
        let head_timeout = self.head_timeout;
        let open = Open::begin(self.open.clone());
        tokio::spawn(async move {
            let _open = open;
            let mut connection = pin!(connection);
            // hyper's own limit begins when the version is known, which a
            // client that sends nothing never tells.
            let first = match head_timeout {
                Some(limit) => timeout(limit, &mut connection).await,
                None => Ok((&mut connection).await),
            };
            let ended = match first {
                Ok(ended) => ended,
                Err(_) if heard.load(Ordering::Relaxed) => connection.await,
                Err(_) => Err("no request came".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
}

impl<S> Server<S> {
    /// Lets every connection answer what it has begun, and waits until all have ended.
    pub(crate) async fn close(self) {
        self.connections.shutdown().await;
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

fn http(head_timeout: Option<Duration>) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        // Clients and scripts that compare names by case know Go's.
        .title_case_headers(true);
    http.http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        // Long lists in Upload-Concat and Upload-Metadata.
        .max_header_list_size(64 << 10)
        .max_concurrent_streams(250)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const SHORT: Duration = Duration::from_millis(20);

    /// Answers 460, after the time that the client asks for.
    async fn mismatch(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        let millis = request.uri().path()[1..].parse().unwrap();
        sleep(Duration::from_millis(millis)).await;
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::from_u16(460).unwrap();
        Ok(response)
    }

    async fn answer(head_timeout: Duration, request: &[u8]) -> String {
        let (mut client, io) = duplex(1024);
        let server = Server::new(tower::service_fn(mismatch), head_timeout);
        server.serve(io);
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
}
