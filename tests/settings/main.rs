//! What can be set on a stack or a server, as a client sees it.

#[path = "../harness/mod.rs"]
mod harness;

mod base_url;
mod cors;
mod limits;
mod methods;
mod termination;
