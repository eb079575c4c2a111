//! What concerns the process: signals, limits on open files, memory, what it prints.

mod memory;
mod open_files;
mod output;
mod signal;

pub(crate) use self::memory::keep_freed_memory;
pub(crate) use self::open_files::{
    Raised, launched, max_connections, max_downloads, max_open_uploads, raise_open_files,
};
pub(crate) use self::output::{complain, say};
pub(crate) use self::signal::Signals;
