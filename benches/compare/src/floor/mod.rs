//! Lower bounds: what an upload costs at least with hyper.
//!
//! [`writer`] (F) puts bytes into files, and checks nothing. [`honest`] (H) is a tus server
//! without any option. Both run everything in place, on the worker that reads the socket.
//! [`multipart`] (M) puts bytes into a bucket. None has logs, metrics, timeouts, hooks, CORS, or a graceful shutdown.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Result;
use crate::certificate::Certificate;
use crate::options::{Floor, FloorKind, Wire};

mod answer;
mod honest;
pub(crate) mod info;
mod lock;
mod multipart;
mod writer;

#[cfg(test)]
mod tests;

use answer::Response;
use honest::Honest;
use multipart::Multipart;
use writer::Writer;

/// Serves until the process is killed. Uploads are in `data`.
#[tokio::main]
pub(crate) async fn run(floor: &Floor) -> Result<()> {
    let service = Service::new(floor, Path::new("data"))?;
    let certificate = Certificate::in_dir(Path::new("."));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, floor.port)).await?;
    serve(listener, Arc::new(service), floor.wire, &certificate).await
}

#[derive(Debug)]
pub(crate) enum Service {
    Writer(Writer),
    Honest(Honest),
    Multipart(Multipart),
}

impl Service {
    fn new(floor: &Floor, dir: &Path) -> Result<Self> {
        Ok(match floor.kind {
            FloorKind::Writer => Self::Writer(Writer::new(dir, floor.durability)),
            FloorKind::Honest => Self::Honest(Honest::new(dir, floor.durability)?),
            FloorKind::Multipart => Self::Multipart(Multipart::new(&floor.gateway)?),
        })
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        match self {
            Self::Writer(writer) => writer.answer(request).await,
            Self::Honest(honest) => honest.answer(request).await,
            Self::Multipart(multipart) => multipart.answer(request).await,
        }
    }
}

/// Serves all connections of a listener.
async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    wire: Wire,
    certificate: &Certificate,
) -> Result<()> {
    let tls = wire
        .is_tls()
        .then(|| certificate.server(wire))
        .transpose()?;
    let tls = tls.map(TlsAcceptor::from);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(connection(socket, service.clone(), wire, tls.clone()));
    }
}

async fn connection(
    socket: TcpStream,
    service: Arc<Service>,
    wire: Wire,
    tls: Option<TlsAcceptor>,
) -> Result<()> {
    match tls {
        None => protocol(socket, service, wire).await,
        Some(tls) => protocol(tls.accept(socket).await?, service, wire).await,
    }
}

async fn protocol<T>(io: T, service: Arc<Service>, wire: Wire) -> Result<()>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(io);
    let service = service_fn(move |request| {
        let service = service.clone();
        async move { service.answer(request).await.map_err(io::Error::other) }
    });
    if wire.is_h2() {
        let server = http2::Builder::new(TokioExecutor::new());
        server.serve_connection(io, service).await?;
    } else {
        let server = http1::Builder::new();
        server.serve_connection(io, service).await?;
    }
    Ok(())
}
