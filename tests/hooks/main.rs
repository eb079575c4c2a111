//! Hooks from outside: their events, the effects of their replies, and
//! failures.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;
mod receiver;
mod scene;

mod answers;
mod closed;
mod effects;
mod ending;
mod evicting;
mod examples;
mod expiring;
mod finishing;
mod golden;
mod held;
mod http;
mod killed;
mod limits;
mod names;
mod order;
mod process;
mod stops;
mod tls;
mod turns;
