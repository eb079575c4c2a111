//! A tus client that costs little, and checks every answer.
//!
//! ```ignore
//! let mut connection = Connection::open(&target).await?;
//! let path = connection.create(4096).await?;
//! connection.patch(&path, 0, Payload::of(4096)).await?;
//! assert_eq!(connection.offset(&path).await?, 4096);
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use crate::Result;
use crate::certificate::{Certificate, HOST};
use crate::options::Wire;
use crate::server::Server;

mod http1;
mod http2;
mod payload;

pub(crate) use http1::Http1;
pub(crate) use payload::Payload;

/// Path below which all servers have their uploads.
const BASE: &str = "/files/";

/// Where to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    wire: Wire,
    tls: Option<Arc<ClientConfig>>,
}

impl Target {
    pub(crate) fn of(server: &Server) -> Result<Self> {
        Self::new(server.address(), server.wire(), server.certificate())
    }

    /// Names an address. Without TLS, the certificate is not looked at.
    pub(crate) fn new(address: SocketAddr, wire: Wire, certificate: &Certificate) -> Result<Self> {
        let tls = wire.is_tls().then(|| certificate.client(wire));
        Ok(Self {
            address,
            wire,
            tls: tls.transpose()?,
        })
    }
}

/// A TCP connection, or TLS over one.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A request, without what all have in common.
#[derive(Clone, Debug)]
struct Request<'a> {
    method: Method,
    path: &'a str,
    headers: [Option<(&'static str, u64)>; 2],
    body: Option<Payload>,
}

impl Request<'_> {
    /// Whether it has the header of the protocol, which a download has not: it would
    /// be answered as HEAD first.
    fn is_tus(&self) -> bool {
        self.method != Method::GET
    }
}

/// What the client looks at in a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    status: StatusCode,
    offset: Option<u64>,
    location: Option<String>,
    /// Bytes of the body.
    received: u64,
}

/// An open connection.
pub(crate) enum Connection {
    Http1(Http1),
    Http2(http2::Http2),
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self> {
        let socket = TcpStream::connect(target.address).await?;
        socket.set_nodelay(true)?;
        let io: Box<dyn Io> = match &target.tls {
            None => Box::new(socket),
            Some(config) => {
                let connector = TlsConnector::from(config.clone());
                Box::new(connector.connect(HOST.try_into()?, socket).await?)
            }
        };
        Ok(if target.wire.is_h2() {
            Self::Http2(http2::Http2::new(io, target.wire).await?)
        } else {
            Self::Http1(Http1::new(io))
        })
    }

    async fn send(&mut self, request: &Request<'_>) -> Result<Answer> {
        match self {
            Self::Http1(connection) => connection.send(request).await,
            Self::Http2(connection) => connection.send(request).await,
        }
    }

    /// Creates an upload, and returns its path.
    pub(crate) async fn create(&mut self, length: u64) -> Result<String> {
        let answer = self.send(&creation(length, None)).await?;
        answer.expect(StatusCode::CREATED)?.path()
    }

    /// Creates an upload with all its bytes.
    pub(crate) async fn create_with(&mut self, payload: Payload) -> Result<String> {
        let length = payload.length();
        let answer = self.send(&creation(length, Some(payload))).await?;
        let answer = answer.expect(StatusCode::CREATED)?;
        answer.expect_offset(length)?;
        answer.path()
    }

    /// Sends bytes at an offset.
    pub(crate) async fn patch(&mut self, path: &str, offset: u64, payload: Payload) -> Result<()> {
        let end = offset + payload.length();
        let answer = self.send(&patch(path, offset, payload)).await?;
        let answer = answer.expect(StatusCode::NO_CONTENT)?;
        answer.expect_offset(end)
    }

    /// Asks for the offset, which must be `expected`.
    pub(crate) async fn head(&mut self, path: &str, expected: u64) -> Result<()> {
        let request = Request {
            method: Method::HEAD,
            path,
            headers: [None, None],
            body: None,
        };
        let answer = self.send(&request).await?.expect(StatusCode::OK)?;
        answer.expect_offset(expected)
    }

    /// Reads a page.
    pub(crate) async fn fetch(&mut self, path: &str) -> Result<u64> {
        let request = Request {
            method: Method::GET,
            path,
            headers: [None, None],
            body: None,
        };
        Ok(self.send(&request).await?.expect(StatusCode::OK)?.received)
    }

    /// Downloads, and discards `length` bytes.
    pub(crate) async fn get(&mut self, path: &str, length: u64) -> Result<()> {
        match self.fetch(path).await? {
            received if received == length => Ok(()),
            received => Err(format!("{received} bytes instead of {length}").into()),
        }
    }
}

fn creation(length: u64, body: Option<Payload>) -> Request<'static> {
    Request {
        method: Method::POST,
        path: BASE,
        headers: [Some(("upload-length", length)), None],
        body,
    }
}

fn patch(path: &str, offset: u64, payload: Payload) -> Request<'_> {
    Request {
        method: Method::PATCH,
        path,
        headers: [Some(("upload-offset", offset)), None],
        body: Some(payload),
    }
}

impl Answer {
    fn expect(self, status: StatusCode) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(format!("{} instead of {status}", self.status).into())
    }

    pub(crate) fn expect_offset(&self, expected: u64) -> Result<()> {
        match self.offset {
            Some(offset) if offset == expected => Ok(()),
            offset => Err(format!("offset {offset:?} instead of {expected}").into()),
        }
    }

    /// Returns the path of its `Location`.
    fn path(self) -> Result<String> {
        let location = self.location.ok_or("no Location")?;
        let start = location.find(BASE).ok_or("a Location elsewhere")?;
        Ok(location[start..].to_owned())
    }

    fn read_header(&mut self, name: &str, value: &[u8]) -> Result<()> {
        if name.eq_ignore_ascii_case("upload-offset") {
            self.offset = Some(number(value)?);
        } else if name.eq_ignore_ascii_case("location") {
            self.location = Some(std::str::from_utf8(value)?.to_owned());
        }
        Ok(())
    }
}

fn number(value: &[u8]) -> Result<u64> {
    Ok(std::str::from_utf8(value)?.parse()?)
}
