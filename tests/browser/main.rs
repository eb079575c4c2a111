//! Pages in real browsers, which upload by tus-js-client.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

mod across;
mod browser;
mod cut;
mod proxy;
mod secure;
