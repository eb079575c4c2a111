//! The files of one lock, and what their names say.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tower_tus_layers::protocol::UploadId;

use super::owner::{self, Owner};
use crate::fs::error::{is_full, is_read_only};
use crate::fs::sys::{self, Inode};

/// The paths of the files of one lock, and the settings for them.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) lock: PathBuf,
    /// The mode of all files that are created.
    mode: u32,
    patience: Duration,
}

/// What holds a lock file.
#[derive(Debug)]
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// It is a link of the caller's own file. The caller has the lock of this
    /// process, so a release has failed.
    Own,
    /// Its holder is dead. Nobody else can remove it meanwhile.
    Stale(sys::Locked),
    /// Its holder lives.
    Holder,
    /// Its holder is dead, but another process has the kernel's lock on it. It is
    /// either about to remove this lock file or another link of the same file,
    /// which takes microseconds, or the holder after all.
    Busy,
}

impl Places {
    pub(super) fn new(dir: &Path, id: &UploadId, mode: u32, patience: Duration) -> Self {
        Self {
            lock: sys::path_of(dir, id.as_str(), ".lock"),
            mode,
            patience,
        }
    }

    /// The file that exists while another process waits.
    pub(super) fn stop(&self) -> PathBuf {
        self.lock.with_extension("stop")
    }

    /// The bytes of the upload, unless they are elsewhere.
    pub(super) fn data(&self) -> PathBuf {
        self.lock.with_extension("")
    }

    /// Asks the holder to release the lock.
    pub(super) fn ask(&self) -> io::Result<()> {
        match sys::File::create_new_with(&self.stop(), self.mode) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // The holder may end by itself.
            Err(error) if is_full(&error) || is_read_only(&error) => Ok(()),
            asked => asked.map(drop),
        }
    }

    /// Looks at the lock file, and changes nothing. `own` is the file of this
    /// process.
    pub(super) fn look(&self, own: Option<Inode>) -> io::Result<Found> {
        let Some(file) = sys::File::open_to_lock(&self.lock)? else {
            return Ok(Found::Nothing);
        };
        if own.is_some() && own == Some(file.inode()?) {
            return Ok(Found::Own);
        }
        let otherwise = match owner::find(&file)? {
            Owner::Gone => Found::Busy,
            Owner::Lives { pid, since } if self.is_silent(pid, since)? => Found::Holder,
            Owner::Lives { .. } | Owner::Missing => return Ok(Found::Holder),
        };
        Ok(file.try_lock().map_or(otherwise, Found::Stale))
    }

    /// Whether the process that a lock file names has not answered for so long
    /// that it cannot be the holder.
    ///
    /// This server keeps its lock files under `flock`, so this is only about tusd's.
    /// tusd releases a lock on request, except while it serves a GET, which has the
    /// data file open, or waits for a hook.
    fn is_silent(&self, pid: u32, since: Duration) -> io::Result<bool> {
        if since <= self.patience {
            return Ok(false);
        }
        let asked = sys::modified_at(&self.stop())?;
        let is_silent = asked.is_some_and(|asked| owner::age(asked) > self.patience);
        Ok(is_silent && !owner::has_open(pid, self.data().file_name().unwrap_or_default()))
    }

    /// Removes a stale lock file.
    ///
    /// If two processes find the same stale file, the slower one must not
    /// remove the lock that the faster one has just created under the same
    /// name. Therefore a holder keeps its file under `flock` from before it
    /// gets the name until after it has lost it, and nobody removes the name of
    /// a file without holding its `flock`. A process that holds the `flock`,
    /// and then finds the file still under its name, knows two things: no
    /// holder lives, and the name stays with this file until this process
    /// removes it.
    pub(super) fn clear(&self, own: Option<Inode>) -> io::Result<Found> {
        let found = self.look(own)?;
        let Found::Stale(file) = &found else {
            return Ok(found);
        };
        if !file.is_at(&self.lock)? {
            return Ok(Found::Busy);
        }
        sys::remove(&self.lock).map(|()| Found::Nothing)
    }

    /// Creates the lock file by itself, unless another one exists.
    pub(super) fn publish(&self) -> io::Result<Option<sys::Locked>> {
        let path = draft_in(self.lock.parent().unwrap_or(Path::new("")));
        let draft = sys::File::create_new_with(&path, self.mode)?;
        let Some(file) = draft.try_lock() else {
            // Nobody else knows its name.
            return Ok(None);
        };
        let signed = owner::sign_if_possible(&file);
        let Err(error) = signed.and_then(|()| sys::publish(&path, &self.lock)) else {
            return Ok(Some(file));
        };
        // A network file system may fail with what it has done.
        let taken = file.is_at(&self.lock).unwrap_or(false);
        sys::remove(&path)?;
        match error.kind() {
            _ if taken => Ok(Some(file)),
            ErrorKind::AlreadyExists => Ok(None),
            _ => Err(error),
        }
    }

    pub(super) const fn mode(&self) -> u32 {
        self.mode
    }
}

/// Returns a new path for a file that is not the lock file of an upload. A short
/// one: ids of the maximum length must be lockable too.
pub(super) fn draft_in(dir: &Path) -> PathBuf {
    dir.join(format!(".{}.lock", UploadId::random()))
}

/// Whether a name is one of [`draft_in`].
pub(super) fn is_draft(name: &str) -> bool {
    let random = name
        .strip_prefix('.')
        .and_then(|rest| rest.strip_suffix(".lock"));
    random.is_some_and(|random| {
        random.len() == 32
            && OsStr::new(random)
                .as_encoded_bytes()
                .iter()
                .all(u8::is_ascii_hexdigit)
    })
}
