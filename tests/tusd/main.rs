//! tower-tusd beside the tusd whose place it takes: the same hooks, the same
//! answers but for the differences that have a row on the page on them, and
//! uploads that go from the one to the other and back.

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
