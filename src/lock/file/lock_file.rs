//! A lock file of this process: the blocking half.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::own::{Link, Own, OwnFile};
use super::places::{Found, Places};
use crate::fs::sys;

/// How far the clock of a file system may be behind that of the process.
const COARSE: Duration = Duration::from_millis(50);

/// What became of an attempt to take a lock.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    Taken(T),
    /// A living process has it.
    Held,
    /// Another process may just be removing a stale lock.
    Collided,
}

impl<T> Attempt<T> {
    pub(super) fn map<U>(self, with: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Taken(lock) => Attempt::Taken(with(lock)),
            Self::Held => Attempt::Held,
            Self::Collided => Attempt::Collided,
        }
    }
}

/// A lock file that this process has created.
#[derive(Debug)]
pub(super) struct LockFile {
    file: Kind,
    places: Arc<Places>,
    taken: SystemTime,
    was_watched: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    /// A link of the file that this process has in the directory.
    Link(Arc<OwnFile>),
    /// A file by itself, where no link is to be had.
    Single(sys::Locked),
}

impl LockFile {
    /// Takes the lock if it is free. The file of this process is in `dir`.
    ///
    /// The caller has the lock of this process until this one is released: the
    /// file itself does not tell two locks of this process apart.
    pub(super) fn take(places: &Arc<Places>, dir: &Path, own: &Own) -> io::Result<Attempt<Self>> {
        let taken = SystemTime::now();
        let with = |file| {
            Attempt::Taken(Self {
                file,
                places: Arc::clone(places),
                taken,
                was_watched: AtomicBool::new(false),
            })
        };
        let first = own.link(dir, places)?;
        if let Some(Link::Made(file)) = first {
            return Ok(with(Kind::Link(file)));
        }
        let current = own.current();
        match places.clear(current.as_ref().map(|own| own.inode()))? {
            Found::Holder => return Ok(Attempt::Held),
            Found::Busy => return Ok(Attempt::Collided),
            Found::Own => {
                let current = current.expect("it was found");
                return Ok(with(Kind::Link(current)));
            }
            Found::Nothing | Found::Stale(_) => {}
        }
        let again = match first {
            Some(_) => own.link(dir, places)?,
            None => None,
        };
        let single = match again {
            Some(Link::Made(file)) => return Ok(with(Kind::Link(file))),
            Some(Link::Exists) => None,
            None => places.publish()?,
        };
        Ok(match single {
            Some(file) => with(Kind::Single(file)),
            None => Attempt::Held,
        })
    }

    /// Returns the directory that the file is in.
    pub(super) fn dir(&self) -> &Path {
        self.places.lock.parent().unwrap_or(Path::new(""))
    }

    /// Whether the watcher has looked at it, so that it was held for some time.
    pub(super) fn was_watched(&self) -> bool {
        self.was_watched.load(Ordering::Relaxed)
    }

    /// Whether the holder should release the lock: another process waits, or
    /// has taken the lock because it considered this process dead.
    pub(super) fn is_wanted(&self) -> io::Result<bool> {
        let is_first = !self.was_watched.swap(true, Ordering::Relaxed);
        let stop = self.places.stop();
        if let Some(asked) = sys::modified_at(&stop)? {
            if !is_first || asked + COARSE >= self.taken {
                return Ok(true);
            }
            // It was meant for an earlier holder. Whoever waits repeats it.
            sys::remove(&stop)?;
        }
        Ok(!self.has_its_name()?)
    }

    fn has_its_name(&self) -> io::Result<bool> {
        match &self.file {
            Kind::Link(own) => own.is_at(&self.places.lock),
            Kind::Single(file) => file.is_at(&self.places.lock),
        }
    }

    /// Removes the files, unless the lock belongs to another process by now.
    pub(super) fn release(&self) {
        let released = self.has_its_name().and_then(|ours| {
            if !ours {
                self.doubt();
                return Ok(());
            }
            // In this order: later, the stop file may be meant for the next
            // holder. Of a lock that was held briefly, the one who asked
            // removes it.
            let stop = match self.was_watched() {
                true => sys::remove(&self.places.stop()),
                false => Ok(()),
            };
            sys::remove(&self.places.lock).and(stop)
        });
        if let Err(error) = released {
            tracing::warn!(%error, "a lock could not be released");
        }
    }

    /// The name of the file of this process may lead to another file.
    fn doubt(&self) {
        if let Kind::Link(own) = &self.file {
            own.doubt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::error::is_missing;

    #[test]
    fn a_name_that_the_file_system_does_not_take_is_missing_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let id = "a".parse().unwrap();
        let mut places = Places::new(dir.path(), &id, 0o664, Duration::MAX);
        places.lock = dir.path().join("a".repeat(1000));
        let own = Own::default();
        let error = LockFile::take(&Arc::new(places), dir.path(), &own).unwrap_err();
        assert!(is_missing(&error), "{error}");
        drop(own);
        assert!(dir.path().read_dir().unwrap().next().is_none());
    }
}
