//! What dead processes have left of their locks, for the store's clean-up.

use std::io;
use std::path::Path;
use std::time::Duration;

use tower_tus_layers::protocol::UploadId;

use super::places::{Found, Places};
use super::{PATIENCE, own, owner};
use crate::fs::sys;

/// How long nobody has repeated a request to release a lock, if all who have waited
/// are gone. Waiting costs a client its patience long before.
const WAITED: Duration = Duration::from_secs(300);

fn places(dir: &Path, id: &UploadId) -> Places {
    Places::new(dir, id, sys::FILE_MODE, PATIENCE)
}

/// Whether the upload has a lock file whose holder is alive.
pub(crate) fn is_held(dir: &Path, id: &UploadId) -> io::Result<bool> {
    let found = places(dir, id).look(None)?;
    Ok(matches!(found, Found::Holder | Found::Busy))
}

/// Whether the lock file of the upload is left by a dead holder.
pub(crate) fn is_lock_left(dir: &Path, id: &UploadId) -> io::Result<bool> {
    let places = places(dir, id);
    Ok(excludes(&places.lock)? && matches!(places.look(None)?, Found::Stale(_)))
}

/// Removes the lock file of a dead holder. Returns whether it was one.
pub(crate) fn clear_lock(dir: &Path, id: &UploadId) -> io::Result<bool> {
    let is_left = is_lock_left(dir, id)?;
    Ok(is_left && matches!(places(dir, id).clear(None)?, Found::Nothing))
}

/// Whether the request to release a lock is left by those who have waited for it.
pub(crate) fn is_stop_left(dir: &Path, id: &UploadId) -> io::Result<bool> {
    let places = places(dir, id);
    let asked = sys::modified_at(&places.stop())?;
    let is_old = asked.is_some_and(|asked| owner::age(asked) > WAITED);
    Ok(is_old && (!sys::exists(&places.lock)? || is_lock_left(dir, id)?))
}

/// Removes such a request. Returns whether it was one.
pub(crate) fn clear_stop(dir: &Path, id: &UploadId) -> io::Result<bool> {
    let is_left = is_stop_left(dir, id)?;
    if is_left {
        // Whoever waits after all repeats it.
        sys::remove(&places(dir, id).stop())?;
    }
    Ok(is_left)
}

/// Whether a file that locks were to be links of is left by a dead process.
pub(crate) fn is_draft_left(path: &Path) -> io::Result<bool> {
    Ok(excludes(path)? && own::left(path)?.is_some())
}

/// Removes such a file. Returns whether it was one.
pub(crate) fn clear_draft(path: &Path) -> io::Result<bool> {
    if !excludes(path)? {
        return Ok(false);
    }
    match own::left(path)? {
        Some(_left) => sys::remove(path).map(|()| true),
        None => Ok(false),
    }
}

/// Whether the kernel's locks keep anybody out. Without them, nobody can tell what is
/// left.
fn excludes(path: &Path) -> io::Result<bool> {
    let open = || sys::File::open_to_lock(path);
    let (Some(one), Some(other)) = (open()?, open()?) else {
        return Ok(false);
    };
    Ok(match one.try_lock() {
        Some(_held) => other.try_lock().is_none(),
        None => true,
    })
}
