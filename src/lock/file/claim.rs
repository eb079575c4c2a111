//! One request that waits for a lock: the blocking half.

use std::io;
use std::sync::Arc;

use tower_tus_layers::lock::Guard;
use tower_tus_layers::protocol::Error;

use super::Shared;
use super::data_lock::DataLock;
use super::guard::{Held, OnDisk};
use super::lock_file::{Attempt, LockFile};
use super::places::{Found, Places};
use crate::fs::error::{is_full, of_upload};
use crate::fs::sys;

/// How often a request tries again at once where another one removes a stale
/// lock. All locks of a dead process are links of one file, which only one
/// process at a time can have under `flock`.
const MOST_COLLISIONS: u32 = 20;

/// A request that has the lock of this process, and wants the one on the disk.
#[derive(Debug)]
pub(super) struct Claim {
    shared: Arc<Shared>,
    places: Arc<Places>,
    here: Box<dyn Guard>,
    has_asked: bool,
    collisions: u32,
    pub(super) next: Next,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    AtOnce,
    AtNextPoll,
}

/// What a request gets in the end, or itself, to go on waiting.
pub(super) type Outcome<T> = Result<Result<T, Claim>, Error>;

impl Claim {
    pub(super) fn new(shared: Arc<Shared>, places: Arc<Places>, here: Box<dyn Guard>) -> Self {
        Self {
            shared,
            places,
            here,
            has_asked: false,
            collisions: 0,
            next: Next::AtNextPoll,
        }
    }

    /// Takes the lock file.
    pub(super) fn take(self) -> Outcome<Held> {
        let Shared { home, own, .. } = &*self.shared;
        let attempt = LockFile::take(&self.places, home.dir(), own).map_err(of_upload)?;
        self.settle(attempt)
    }

    /// Takes the lock file, or if there is no space for it, the data file.
    pub(super) fn take_to_terminate(self) -> Outcome<Held> {
        match self.attempt_to_terminate()? {
            Attempt::Taken(disk) => self.hold(disk),
            Attempt::Held => self.ask(),
            Attempt::Collided => self.collide(),
        }
    }

    /// Like [`take_to_terminate`](Self::take_to_terminate) if nobody has the lock;
    /// otherwise returns `None`, and asks nobody to release it.
    pub(super) fn take_if_free(self) -> Result<Option<Held>, Error> {
        for _ in 0..=MOST_COLLISIONS {
            match self.attempt_to_terminate()? {
                Attempt::Taken(disk) => return Ok(Some(Held::new(disk, self.here))),
                Attempt::Held => return Ok(None),
                Attempt::Collided => {}
            }
        }
        Ok(None)
    }

    fn attempt_to_terminate(&self) -> Result<Attempt<OnDisk>, Error> {
        let Shared { home, own, .. } = &*self.shared;
        let attempt = match LockFile::take(&self.places, home.dir(), own) {
            Err(error) if is_full(&error) => self.attempt_on_data(),
            attempt => attempt.map(|it| it.map(|file| OnDisk::File(Arc::new(file)))),
        };
        attempt.map_err(of_upload)
    }

    fn attempt_on_data(&self) -> io::Result<Attempt<OnDisk>> {
        let own = self.shared.own.current();
        let own = own.map(|own| own.inode());
        Ok(DataLock::take(&self.places, own)?.map(OnDisk::Data))
    }

    fn settle(self, attempt: Attempt<LockFile>) -> Outcome<Held> {
        match attempt {
            Attempt::Taken(file) => self.hold(OnDisk::File(Arc::new(file))),
            Attempt::Held => self.ask(),
            Attempt::Collided => self.collide(),
        }
    }

    fn hold(self, disk: OnDisk) -> Outcome<Held> {
        self.take_back();
        Ok(Ok(Held::new(disk, self.here)))
    }

    /// Removes the request to the holder before this one. Other waiters repeat
    /// theirs.
    fn take_back(&self) {
        if self.has_asked {
            // Otherwise the next holder's watcher removes it.
            let _ = sys::remove(&self.places.stop());
        }
    }

    /// Waits for the holder of the lock file, and keeps only the lock of this
    /// process.
    pub(super) fn observe(self) -> Outcome<Box<dyn Guard>> {
        let own = self.shared.own.current();
        let own = own.map(|own| own.inode());
        match self.places.look(own).map_err(of_upload)? {
            Found::Nothing | Found::Own | Found::Stale(_) => {
                self.take_back();
                Ok(Ok(self.here))
            }
            Found::Holder => self.ask(),
            Found::Busy => self.collide(),
        }
    }

    /// Asks the holder to release the lock.
    fn ask<T>(mut self) -> Outcome<T> {
        self.places.ask().map_err(of_upload)?;
        self.has_asked = true;
        self.next = Next::AtNextPoll;
        Ok(Err(self))
    }

    /// Tries again at once, unless it has often been in vain.
    fn collide<T>(mut self) -> Outcome<T> {
        if self.collisions == MOST_COLLISIONS {
            return self.ask();
        }
        self.collisions += 1;
        self.next = Next::AtOnce;
        Ok(Err(self))
    }
}
