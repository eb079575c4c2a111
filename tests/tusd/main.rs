//! tower-tusd compared with tusd: the same hooks, the same responses except for
//! documented differences, and uploads that move from one server to the other
//! and back.

#![cfg(unix)]

mod answers;
#[path = "../harness/mod.rs"]
mod harness;
mod hooks;
mod program;
#[allow(dead_code, reason = "a part of it is for other tests")]
#[path = "../hooks/receiver.rs"]
mod receiver;
mod start;
mod takeover;
