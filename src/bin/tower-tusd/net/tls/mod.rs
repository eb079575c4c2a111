//! TLS.

mod ahead;
mod config;
mod open;
mod pem;

pub(crate) use self::config::acceptor;
pub(crate) use self::open::open;
