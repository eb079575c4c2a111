//! One connection, over HTTP/1 or HTTP/2.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tower::{Service, ServiceExt};
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::{Body, BoxError, Disconnect};

use super::http2::Http2;
use super::listener::Io;
use super::preface::{Version, version};
use super::rewound::Rewound;
use super::send_queue::SendQueue;
use super::socket::Line;

/// Maximum number of header lines of a request over HTTP/1.
const HEADERS: usize = 250;

/// One connection, and everything that it is served with.
pub(super) struct Connection<S> {
    pub(super) service: S,
    pub(super) http1: Builder,
    pub(super) http2: Option<Http2>,
    pub(super) queue: SendQueue,
    pub(super) line: Line,
    pub(super) limit: Duration,
    pub(super) closing: watch::Receiver<()>,
}

impl<S, B> Connection<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves requests until the connection ends, or the server closes.
    pub(super) async fn serve(mut self, io: impl Io) -> Result<(), BoxError> {
        let Some(http2) = self.http2.take() else {
            return self.serve_http1(Rewound::untouched(io)).await;
        };
        let (version, io) = tokio::select! {
            first = version(io) => first?,
            () = leave(&mut self.closing, &self.queue, self.limit) => return Ok(()),
        };
        match version {
            Version::Http1 => self.serve_http1(io).await,
            Version::Http2 => {
                let leave = leave(&mut self.closing, &self.queue, self.limit);
                http2.serve(io, self.service, &self.queue, leave).await
            }
        }
    }

    async fn serve_http1(mut self, io: Rewound<impl Io>) -> Result<(), BoxError> {
        let service = service_fn({
            let queue = self.queue.clone();
            move |mut request: Request<Incoming>| {
                let (queue, in_flight) = (queue.clone(), queue.in_flight());
                let (line, disconnect) = (self.line.clone(), Disconnect::default());
                let context = Context::of_mut(request.extensions_mut());
                context.set_disconnect(disconnect.clone());
                let response = self.service.clone().oneshot(request.map(Body::new));
                async move {
                    let response = line.watch(response, &disconnect).await.map(with_reason);
                    drop(in_flight);
                    response.map(|response| response.map(|body| queue.body(body)))
                }
            }
        });
        let connection = self.http1.serve_connection(TokioIo::new(io), service);
        let served = async {
            let mut connection = pin!(connection);
            tokio::select! {
                ended = &mut connection => return ended,
                () = leave(&mut self.closing, &self.queue, self.limit) => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        tokio::select! {
            ended = served => ended.map_err(BoxError::from),
            () = self.queue.stalled(self.limit) => Err("the client reads nothing".into()),
        }
    }
}

/// Waits until the server closes, or until the client has sent no request for `limit`.
async fn leave(closing: &mut watch::Receiver<()>, queue: &SendQueue, limit: Duration) {
    tokio::select! {
        _ = closing.changed() => {}
        () = queue.idle(limit) => {}
    }
}

/// HTTP/1 for all connections.
pub(super) fn http1(network_timeout: Option<Duration>) -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(network_timeout)
        .max_headers(HEADERS)
        // A client may close its half after a whole request and wait for the answer.
        .half_close(true)
        // For clients and scripts that compare names by case: these are Go's.
        .title_case_headers(true);
    http
}

/// Adds a reason to the one status of the protocol that HTTP does not know.
fn with_reason<B>(mut response: Response<B>) -> Response<B> {
    if response.status().as_u16() == 460 {
        let reason = ReasonPhrase::from_static(b"Checksum Mismatch");
        response.extensions_mut().insert(reason);
    }
    response
}
