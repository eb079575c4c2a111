//! The HTTP client of hooks behind a URL and of gRPC hooks.

mod connect;
#[cfg(feature = "hooks-http")]
mod proxy;
mod tls;

use std::error::Error;
use std::fmt::Write;

use http_body::Body;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_tus_layers::protocol::BoxError;

pub(super) use self::connect::Connect;
#[cfg(feature = "hooks-http")]
pub(super) use self::proxy::Proxy;
#[cfg(feature = "hooks-grpc")]
pub(super) use self::tls::Identity;
pub(super) use self::tls::{Trust, config};

/// A pool of connections.
pub(super) type Client<B> = legacy::Client<Connector, B>;

/// How a connection is made, with TLS where the URL says https.
pub(super) type Connector = HttpsConnector<Connect>;

/// The way to https servers that `tls` accepts, and to any http server.
pub(super) fn connector(connect: Connect, tls: ClientConfig) -> Connector {
    (connect, tls).into()
}

/// A builder with the timers and tasks of tokio.
pub(super) fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new());
    builder
}

/// A client that speaks HTTP/2 alone, also without TLS.
#[cfg(feature = "hooks-grpc")]
pub(super) fn http2<B>(connector: Connector) -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    builder().http2_only(true).build(connector)
}

/// A client that speaks HTTP/1.1, and HTTP/2 where the server chooses it by ALPN.
#[cfg(feature = "hooks-http")]
pub(super) fn any_version<B>(connector: Connector) -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    // Small servers may compare names by case.
    builder().http1_title_case_headers(true).build(connector)
}

/// An error with all its sources, for the log. No error of the client has the URL in it.
pub(super) fn in_full(error: &dyn Error) -> BoxError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a String never fails.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text.into()
}
