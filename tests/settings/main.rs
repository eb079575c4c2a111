//! The settings of a stack or a server, as clients see them.

#[path = "../harness/mod.rs"]
mod harness;

mod base_url;
mod cors;
mod expiration;
mod limits;
mod methods;
mod termination;
