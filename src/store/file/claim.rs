//! Tells files that somebody is working on from those that a crash has left.
//!
//! Whoever creates, changes or removes an upload holds `flock` on a side file
//! meanwhile, which ends with the process at the latest: on `<id>.info`, or,
//! while the upload has none, on `<id>.new`. An `<id>.new` that nobody holds
//! therefore belongs to nobody, unless there is an `<id>.info`.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::sys;

/// Creates a file, and claims it until the result is dropped.
///
/// # Errors
///
/// [`ErrorKind::AlreadyExists`] if the file exists, or was taken for one that a
/// crash has left before it could be claimed.
pub(super) fn create(path: &Path, mode: u32) -> io::Result<sys::Locked> {
    match lock(sys::File::create_new_with(path, mode)?, path)? {
        Some(held) => Ok(held),
        None => sys::named(path, Err(ErrorKind::AlreadyExists)),
    }
}

/// Claims a file until the result is dropped, if it exists.
///
/// # Errors
///
/// [`ErrorKind::ResourceBusy`] while somebody else holds the file.
pub(super) fn take(path: &Path) -> io::Result<Option<sys::Locked>> {
    let file = sys::File::open_to_lock(path)?;
    file.map(|file| claimed(file, path)).transpose()
}

/// Like [`take`], without an event for programs that wait until somebody has
/// written the file. On a network file system it keeps nobody out.
pub(super) fn take_quietly(path: &Path) -> io::Result<sys::Locked> {
    claimed(sys::File::open_to_read(path)?, path)
}

fn claimed(file: sys::File, path: &Path) -> io::Result<sys::Locked> {
    match lock(file, path)? {
        Some(held) => Ok(held),
        None => sys::named(path, Err(ErrorKind::ResourceBusy)),
    }
}

/// Locks an open file. It may have lost its name before it was locked.
fn lock(file: sys::File, path: &Path) -> io::Result<Option<sys::Locked>> {
    match file.try_lock() {
        Some(held) if held.is_at(path)? => Ok(Some(held)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_held_by_one_and_left_by_those_who_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.new");
        assert!(take(&path).unwrap().is_none());
        let held = create(&path, 0o600).unwrap();
        let again = create(&path, 0o600).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        let busy = take(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        let busy = take_quietly(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        assert!(busy.to_string().contains("a.new"), "{busy}");
        drop(held);
        let held = take(&path).unwrap().unwrap();
        assert!(take_quietly(&path).is_err());
        drop(held);
        take_quietly(&path).unwrap();
    }

    #[test]
    fn a_file_that_has_lost_its_name_cannot_be_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.new");
        fs::write(&path, "").unwrap();
        let file = sys::File::open_to_lock(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(lock(file, &path).unwrap().is_none());
    }
}
