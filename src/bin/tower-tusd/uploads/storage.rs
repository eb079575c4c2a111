//! Where uploads are stored: in a directory or in an object store.

use std::sync::Arc;

use tower_tus::layers::lock::{Locker, MemoryLocker};
use tower_tus::store::object::Checked;
use tower_tus::store::{FileStore, ObjectStore};
use tower_tus::{Error, ListRequest, Store};

use super::{files, objects};
use crate::error::StartError;
use crate::flags::{Flags, Locks, Place};

/// The store that the flags ask for.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    Files(FileStore),
    Objects(ObjectStore),
}

impl Storage {
    /// Makes the storage ready for a server, or fails if it cannot be used.
    pub(super) async fn prepare(flags: &Flags) -> Result<Self, StartError> {
        if flags.place() == Place::Directory {
            return files::store(&flags.files).map(Self::Files);
        }
        let store = objects::store(flags)?;
        objects::create_container(flags).await?;
        objects::probe(&store, flags).await?;
        Ok(Self::Objects(store))
    }

    /// Opens storage that a server has made ready. Nothing is written there.
    pub(super) fn existing(flags: &Flags) -> Result<Self, StartError> {
        match flags.place() {
            Place::Directory => files::existing_store(&flags.files).map(Self::Files),
            _ => objects::store(flags).map(Self::Objects),
        }
    }

    pub(crate) fn to_store(&self) -> Arc<dyn Store> {
        match self {
            Self::Files(store) => Arc::new(store.clone()),
            Self::Objects(store) => Arc::new(store.clone()),
        }
    }

    /// Looks for uploads with which something is wrong.
    pub(crate) async fn check(&self, request: &ListRequest) -> Result<Checked, Error> {
        match self {
            Self::Files(store) => store.check(request).await,
            Self::Objects(store) => store.check(request).await,
        }
    }

    /// Returns the locks that the flags ask for. If they are files, the last clone
    /// removes one.
    pub(super) fn locker(&self, flags: &Flags) -> Arc<dyn Locker> {
        match flags.locks() {
            Locks::Memory => Arc::new(MemoryLocker::default()),
            _ => self.shared_locker(flags),
        }
    }

    /// Returns locks for all processes.
    pub(super) fn shared_locker(&self, flags: &Flags) -> Arc<dyn Locker> {
        match self {
            Self::Files(store) => files::locker(&flags.files, store),
            Self::Objects(store) => Arc::new(store.locker()),
        }
    }
}
