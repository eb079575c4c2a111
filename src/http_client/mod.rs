//! The HTTP client of hooks and of object stores.

mod connect;
#[cfg(any(feature = "hooks-http", feature = "object-store"))]
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

pub(crate) use self::connect::Connect;
#[cfg(any(feature = "hooks-http", feature = "object-store"))]
pub(crate) use self::proxy::Proxy;
#[cfg(feature = "hooks-grpc")]
pub(crate) use self::tls::Identity;
pub(crate) use self::tls::{Trust, config};

/// A connection pool.
pub(crate) type Client<B> = legacy::Client<Connector, B>;

/// A connector that adds TLS for https URLs.
pub(crate) type Connector = HttpsConnector<Connect>;

/// Time after which an unused connection is closed. S3 closes it after 20 seconds, and a
/// request that meets the end of a connection fails.
#[cfg(feature = "object-store")]
const IDLE: std::time::Duration = std::time::Duration::from_secs(15);

/// Builds a connector for http servers, and for https servers that `tls`
/// accepts.
pub(crate) fn connector(connect: Connect, tls: ClientConfig) -> Connector {
    (connect, tls).into()
}

/// Returns a builder with tokio's timers and executor.
fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new());
    builder
}

/// Builds a client that uses HTTP/2 only, also without TLS.
#[cfg(feature = "hooks-grpc")]
pub(crate) fn http2<B>(connector: Connector) -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    builder().http2_only(true).build(connector)
}

/// Builds a client that uses HTTP/1.1, or HTTP/2 if the server selects it by
/// ALPN.
#[cfg(feature = "hooks-http")]
pub(crate) fn any_version<B>(connector: Connector) -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    // Some small servers compare header names case-sensitively.
    builder().http1_title_case_headers(true).build(connector)
}

/// Builds a client that uses HTTP/1.1 only.
#[cfg(feature = "object-store")]
pub(crate) fn http1<B>(connector: Connector) -> Client<B>
where
    B: Body + Send,
    B::Data: Send,
{
    builder().pool_idle_timeout(IDLE).build(connector)
}

/// Formats an error with all its sources, for the log. The client's errors
/// never contain the URL.
pub(crate) fn in_full(error: &dyn Error) -> BoxError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a `String` never fails.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text.into()
}
