//! The file of this process in the directory, of which its locks are links.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::owner::{self, Owner};
use super::places::{Places, draft_in, is_draft};
use crate::fs::offload::in_background;
use crate::fs::sys::{self, Inode, Linked};

/// A file with the id of this process, under the kernel's lock from before it
/// gets its first name.
///
/// It keeps a name of its own: a file that has lost its last name can get no
/// other.
#[derive(Debug)]
pub(super) struct OwnFile {
    /// Held until after the names are gone.
    file: sys::Locked,
    path: PathBuf,
    inode: Inode,
    /// Whether its path may lead to another file.
    is_doubted: AtomicBool,
}

impl OwnFile {
    fn create(dir: &Path, mode: u32) -> io::Result<Self> {
        let path = draft_in(dir);
        let file = sys::File::create_new_with(&path, mode)?;
        let inode = file.inode();
        // Nobody else knows its name yet.
        let file = file.try_lock().ok_or(ErrorKind::ResourceBusy)?;
        let created = inode.and_then(|inode| owner::sign(&file).map(|()| inode));
        let inode = created.inspect_err(|_| {
            let _ = sys::remove(&path);
        })?;
        Ok(Self {
            file,
            path,
            inode,
            is_doubted: AtomicBool::new(false),
        })
    }

    pub(super) const fn inode(&self) -> Inode {
        self.inode
    }

    /// Reports a link that was not one of this file.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }

    /// Whether `path` is a name of this file.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(sys::inode_at(path)? == Some(self.inode))
    }

    fn link(&self, lock: &Path) -> io::Result<Linked> {
        let linked = sys::link(&self.path, lock);
        match linked {
            // A network file system may fail with what it has done.
            Err(_) if self.is_at(lock).unwrap_or(false) => Ok(Linked::Made),
            linked => linked,
        }
    }
}

/// Removes what dead processes have left of their own files. `own` is the path
/// of one whose process lives.
fn clear_left_over(own: &Path) {
    let Some(dir) = own.parent() else { return };
    // Without locks by the kernel, nobody can tell what is left over.
    let again = sys::File::open_to_lock(own).ok().flatten();
    if again.and_then(sys::File::try_lock).is_some() {
        return;
    }
    // What cannot be removed does no harm.
    for name in sys::names(dir, is_draft).unwrap_or_default() {
        let _ = clear(&dir.join(name));
    }
}

/// Removes a file if nobody has its lock.
fn clear(path: &Path) -> io::Result<()> {
    match left(path)? {
        Some(_left) => sys::remove(path),
        None => Ok(()),
    }
}

/// Returns the file of a dead process, locked.
pub(super) fn left(path: &Path) -> io::Result<Option<sys::Locked>> {
    let Some(file) = sys::File::open_to_lock(path)? else {
        return Ok(None);
    };
    // Its process is about to lock it.
    if owner::find(&file)? == Owner::Missing {
        return Ok(None);
    }
    match file.try_lock() {
        Some(file) if file.is_at(path)? => Ok(Some(file)),
        _ => Ok(None),
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if let Ok(true) = self.file.is_at(&self.path) {
            let _ = sys::remove(&self.path);
        }
    }
}

/// The file of a locker while it has one: from its first lock on until it has
/// held none for a while. An open file would keep the disk from being unmounted.
#[derive(Debug, Default)]
pub(super) struct Own {
    slot: Mutex<Option<Arc<OwnFile>>>,
    has_cleared: AtomicBool,
}

impl Own {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<OwnFile>>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the file, if there is one.
    pub(super) fn current(&self) -> Option<Arc<OwnFile>> {
        self.slot().clone()
    }

    /// Returns the file, and creates it if there is none. Returns `None` if that
    /// fails.
    pub(super) fn get(&self, dir: &Path, mode: u32) -> Option<Arc<OwnFile>> {
        if let Some(own) = self.current()
            && !(own.is_doubted.swap(false, Ordering::Relaxed) && self.forget(&own))
        {
            return Some(own);
        }
        // Not under the mutex: the disk may hang.
        let own = Arc::new(OwnFile::create(dir, mode).ok()?);
        let first = Arc::clone(self.slot().get_or_insert_with(|| Arc::clone(&own)));
        if !self.has_cleared.swap(true, Ordering::Relaxed) {
            // Without the file itself, which may be gone by then.
            let path = own.path.clone();
            in_background(move || clear_left_over(&path));
        }
        Some(first)
    }

    /// Gives the file the name of a lock. Returns `None` where that is
    /// impossible.
    pub(super) fn link(&self, dir: &Path, places: &Places) -> io::Result<Option<Link>> {
        // The second time, the file was lost.
        for _ in 0..2 {
            let Some(own) = self.get(dir, places.mode()) else {
                return Ok(None);
            };
            match own.link(&places.lock) {
                Ok(Linked::Made) => return Ok(Some(Link::Made(own))),
                Ok(Linked::Exists) => return Ok(Some(Link::Exists)),
                Ok(Linked::Unavailable) => return Ok(None),
                Err(error) if error.kind() != ErrorKind::NotFound || own.is_at(&own.path)? => {
                    return Err(error);
                }
                Err(_) => drop(self.forget(&own)),
            }
        }
        Ok(None)
    }

    /// Removes the file, once the locks that are its links are released.
    pub(super) fn retire(&self) {
        let retired = self.slot().take();
        // Not under the mutex: the disk may hang.
        drop(retired);
    }

    /// Lets the next lock create another file if this one has lost its name.
    /// Returns whether it has.
    fn forget(&self, lost: &Arc<OwnFile>) -> bool {
        if lost.is_at(&lost.path).unwrap_or(true) {
            return false;
        }
        let mut current = self.slot();
        if current.as_ref().is_some_and(|own| Arc::ptr_eq(own, lost)) {
            *current = None;
        }
        true
    }
}

/// What became of a link.
#[derive(Debug)]
pub(super) enum Link {
    Made(Arc<OwnFile>),
    /// The name is taken.
    Exists,
}
