//! The kinds of connections to a server, with a client for each, over both HTTP
//! versions.

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::harness::certificate::Certificate;
use crate::harness::tus::{Answer, Content, Version};
use crate::harness::{Server, patient};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Tls,
    Unix,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Tcp, Kind::Tls, Kind::Unix];
pub(crate) const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// One kind of connection, which outlives the server.
pub(crate) struct Road {
    kind: Kind,
    home: TempDir,
    certificate: Certificate,
}

/// A byte stream in both directions.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Road {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            home: TempDir::new().unwrap(),
            certificate: Certificate::make(),
        }
    }

    /// Starts a server that listens for these connections.
    pub(crate) async fn start(&self, args: &[&str]) -> Server {
        match self.kind {
            Kind::Tcp => Server::start_in(self.home.path(), args).await,
            Kind::Tls => {
                let [file, key] = &self.certificate.flags();
                let args = [&[&**file, key], args].concat();
                Server::start_in(self.home.path(), &args).await
            }
            Kind::Unix => Server::start_on_socket(self.home.path(), args).await,
        }
    }

    /// Returns the URL of the uploads.
    pub(crate) fn url(&self) -> &'static str {
        match self.kind {
            Kind::Tls => "https://localhost/files/",
            Kind::Tcp | Kind::Unix => "http://localhost/files/",
        }
    }

    /// Connects an HTTP client.
    pub(crate) async fn connect(&self, server: &Server, version: Version) -> Client {
        Client::new(TokioIo::new(self.io(server, version).await), version).await
    }

    /// Connects without an HTTP client.
    pub(crate) async fn io(&self, server: &Server, version: Version) -> Box<dyn Io> {
        match self.kind {
            Kind::Tcp => Box::new(server.connect().await),
            Kind::Tls => {
                let name = "localhost".try_into().unwrap();
                let handshake = self
                    .connector(version)
                    .connect(name, server.connect().await);
                Box::new(patient(handshake).await.unwrap())
            }
            Kind::Unix => {
                let socket = self.home.path().join("socket");
                Box::new(UnixStream::connect(socket).await.unwrap())
            }
        }
    }

    fn connector(&self, version: Version) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.certificate.file()).unwrap();
        roots.add(certificate).unwrap();
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = match version {
            Version::Http1 => vec![b"http/1.1".to_vec()],
            Version::Http2 => vec![b"h2".to_vec()],
        };
        Arc::new(config).into()
    }
}

/// A client with one connection.
pub(crate) struct Client {
    sender: Sender,
    connection: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Content>),
    Http2(http2::SendRequest<Content>),
}

impl Client {
    async fn new(io: TokioIo<Box<dyn Io>>, version: Version) -> Self {
        match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                Self {
                    sender: Sender::Http1(sender),
                    connection: tokio::spawn(async { drop(connection.await) }),
                }
            }
            Version::Http2 => {
                let handshake = http2::handshake(TokioExecutor::new(), io);
                let (sender, connection) = handshake.await.unwrap();
                Self {
                    sender: Sender::Http2(sender),
                    connection: tokio::spawn(async { drop(connection.await) }),
                }
            }
        }
    }

    pub(crate) async fn send(&mut self, mut request: Request<Content>) -> Answer {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                let host = HeaderValue::from_static("localhost");
                request.headers_mut().insert(HOST, host);
                patient(sender.send_request(request)).await
            }
            Sender::Http2(sender) => patient(sender.send_request(request)).await,
        };
        let (parts, body) = answer.expect("the server answers").into_parts();
        let body = patient(body.collect()).await.expect("the answer ends well");
        Response::from_parts(parts, body.to_bytes())
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn closed(mut self) {
        patient(&mut self.connection).await.unwrap();
    }
}
