//! One connection, over HTTP/1 or HTTP/2.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::Service;
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::{Body, BoxError, Disconnect};

use super::answer::Answer;
use super::compact::compact;
use super::head_timer::HeadTimer;
use super::http2::Http2;
use super::listener::Io;
use super::preface::{self, Version};
use super::send_queue::SendQueue;
use super::shared_service::SharedService;
use super::small_reads::SmallReads;
use super::socket::Line;
use super::tls;

/// Maximum number of header lines of a request over HTTP/1.
const HEADERS: usize = 250;

/// One connection, and everything that it is served with.
pub(super) struct Connection<S> {
    pub(super) service: S,
    pub(super) http1: Builder,
    pub(super) http2: Option<Http2>,
    pub(super) queue: SendQueue,
    pub(super) line: Line,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) limit: Duration,
    /// The most bytes that one read brings over HTTP/1.
    pub(super) max_read: u64,
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
    ///
    /// Boxed, because a future holds what it is given beside what it makes of it.
    pub(super) async fn serve(mut self: Box<Self>, io: Box<dyn Io>) -> Result<(), BoxError> {
        let tls = self.tls.take();
        let (version, io) = tokio::select! {
            opened = open(io, &self.line, tls, self.http2.as_ref()) => opened?,
            () = leave(&mut self.closing, &self.queue, self.limit) => return Ok(()),
        };
        match (version, self.http2.take()) {
            (Version::Http2, Some(http2)) => {
                let leave = leave(&mut self.closing, &self.queue, self.limit);
                // Boxed, or the task would need its memory for HTTP/1 too.
                Box::pin(http2.serve(io, self.service, &self.queue, leave)).await
            }
            _ => self.serve_http1(io).await,
        }
    }

    async fn serve_http1(self: Box<Self>, io: Box<dyn Io>) -> Result<(), BoxError> {
        let Self {
            service,
            mut http1,
            queue,
            line,
            limit,
            max_read,
            mut closing,
            ..
        } = *self;
        let service = SharedService::new(service);
        let answers = queue.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            if !request.body().is_end_stream() {
                compact(&mut request);
            }
            let disconnect = Disconnect::default();
            Context::of_mut(request.extensions_mut()).set_disconnect(disconnect.clone());
            let response = service.call(request.map(Body::new));
            Answer::new(response, line.clone().gone(), disconnect, &answers)
        });
        let head = HeadTimer::default();
        let connection = http1
            .timer(head.clone())
            .serve_connection(TokioIo::new(SmallReads::new(io, max_read)), service);
        let mut connection = pin!(connection);
        let mut late = pin!(head.late(limit));
        let mut stalled = pin!(queue.stalled(limit));
        let mut leave = pin!(leave(&mut closing, &queue, limit));
        let mut leaving = false;
        loop {
            tokio::select! {
                ended = &mut connection => return ended.map_err(BoxError::from),
                // Polled again, the connection ends.
                () = &mut late => late.set(head.late(limit)),
                () = &mut stalled => return Err("the client reads nothing".into()),
                () = &mut leave, if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Finds out which version the client speaks, after the TLS handshake if there is one.
async fn open(
    io: Box<dyn Io>,
    line: &Line,
    tls: Option<TlsAcceptor>,
    http2: Option<&Http2>,
) -> io::Result<(Version, Box<dyn Io>)> {
    if let Some(tls) = tls {
        let (version, stream) = Box::pin(tls::open(io, line, tls)).await?;
        return Ok((version, Box::new(stream)));
    }
    let version = match http2 {
        Some(_) => preface::version(line).await?,
        None => Version::Http1,
    };
    Ok((version, io))
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
    http.header_read_timeout(network_timeout)
        .max_headers(HEADERS)
        // A client may close its half after a whole request and wait for the answer.
        .half_close(true)
        // For clients and scripts that compare names by case: these are Go's.
        .title_case_headers(true);
    http
}
