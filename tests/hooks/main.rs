//! Hooks from outside: what they are told, what their replies do, and what
//! becomes of uploads whose hooks fail.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;
mod receiver;
mod scene;

mod closed;
mod effects;
mod ending;
mod examples;
mod finishing;
mod golden;
mod held;
mod http;
mod limits;
mod names;
mod order;
mod process;
mod stops;
mod tls;
mod turns;
