//! The listeners of the server: TCP, Unix sockets and TLS, over both HTTP
//! versions.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod curl;
mod half_closed;
mod maximum;
mod road;
mod shutdown;
mod stalled;
mod tls;
mod unix;
mod versions;
