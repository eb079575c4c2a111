//! TLS.

mod config;
mod open;
mod pem;
mod stream;

pub(crate) use self::config::acceptor;
pub(crate) use self::stream::TlsStream;
