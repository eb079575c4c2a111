//! The lock of a termination where there is no space for a lock file.

use std::io;

use super::lock_file::Attempt;
use super::places::{Found, Places};
use crate::fs::sys::{self, Inode};

/// An upload whose data file this process keeps under the kernel's `flock`.
///
/// Processes that terminate the upload in this way exclude each other, and none
/// of them begins while a lock file has a holder. What they cannot keep out is
/// a process that creates a lock file later, once there is space: it finds the
/// upload gone, or writes to a file that has lost its name. An append therefore
/// never locks like this: it could move back an offset that the other process
/// has acknowledged.
#[derive(Debug)]
pub(super) struct DataLock {
    /// `None` if the upload has no bytes here, so nothing to hold on to.
    _file: Option<sys::Locked>,
}

impl DataLock {
    /// Takes the lock if it is free. `own` is the file of this process.
    pub(super) fn take(places: &Places, own: Option<Inode>) -> io::Result<Attempt<Self>> {
        let file = sys::File::open_to_lock(&places.data())?;
        let has_bytes = file.is_some();
        let file = file.and_then(sys::File::try_lock);
        if has_bytes && file.is_none() {
            return Ok(Attempt::Held);
        }
        // After the `flock`, since the lock file may have been created just
        // before.
        Ok(match places.look(own)? {
            Found::Holder => Attempt::Held,
            Found::Busy => Attempt::Collided,
            Found::Nothing | Found::Own | Found::Stale(_) => Attempt::Taken(Self { _file: file }),
        })
    }
}
