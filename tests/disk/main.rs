//! What the disk keeps when the server is killed, the power fails, or calls to
//! the file system fail: on the real server, from outside.
//!
//! Each test runs a sample that takes seconds. The ignored ones run it in full:
//! `.ci/disk`.

#![cfg(target_os = "linux")]

#[path = "../harness/mod.rs"]
mod harness;

mod audit;
mod cuts;
mod failing;
mod inodes;
mod kills;
mod lab;
mod ledger;
mod load;
mod names;
mod quiet;
mod random;
mod requests;
mod site;
mod strace;
mod sweeps;
