//! What the server listens on: TCP, unix sockets and TLS, over both versions of HTTP.

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
