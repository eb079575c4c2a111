//! Pages in real browsers that upload with tus-js-client.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod across;
mod browser;
mod cut;
mod proxy;
mod secure;
