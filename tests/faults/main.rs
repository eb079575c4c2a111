//! Failures between client and server, and the data that must survive them.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
mod harness;

#[cfg(target_os = "linux")]
#[path = "../harness/hanging.rs"]
mod hanging;

mod busy;
mod checksum;
mod concatenation;
mod descriptors;
mod disk_full;
mod drops;
mod early;
mod expect;
mod file_size;
mod flood;
mod kill;
mod late_end;
mod locks;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod memory;
mod moved;
mod no_inodes;
mod post;
mod read_only;
#[cfg(target_os = "linux")]
mod stall;
mod stalled;
mod untaken;
mod windows;
