//! Connections: listeners, sockets, TLS, HTTP/1 and HTTP/2.

mod again;
mod answer;
mod compact;
mod connection;
mod credentials;
mod forwarded;
mod head_timer;
mod http2;
mod listen;
mod listener;
mod malformed;
mod open;
mod peek;
mod preface;
mod request_id;
mod send_queue;
mod server;
mod shared_service;
mod slots;
mod small_reads;
mod socket;
pub(crate) mod tls;
#[cfg(unix)]
mod unix;

pub(crate) use self::credentials::hide_credentials;
pub(crate) use self::forwarded::warn_of_proxy_once;
pub(crate) use self::listener::Listener;
pub(crate) use self::malformed::MalformedLayer;
pub(crate) use self::request_id::RequestIdLayer;
pub(crate) use self::server::Server;
