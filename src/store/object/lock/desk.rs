//! The locks that requests of this process hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_tus_layers::lock::MemoryLocker;

use super::hold::{Hold, Then};
use crate::store::document::Document;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{Objects, Result};
use crate::store::object::state::State;
use crate::store::object::swap::{Swapped, swap};

/// What the locks of a store and its handles share. Clones share it, too.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Desk {
    /// Taken before the lock in the bucket, so that one request per process at a time
    /// waits for it.
    here: MemoryLocker,
    holds: Arc<Mutex<HashMap<Keys, Arc<Hold>>>>,
}

impl Desk {
    pub(super) const fn here(&self) -> &MemoryLocker {
        &self.here
    }

    pub(super) fn add(&self, hold: &Arc<Hold>) {
        self.holds().insert(hold.keys().clone(), Arc::clone(hold));
    }

    pub(super) fn remove(&self, hold: &Hold) {
        self.holds().remove(hold.keys());
    }

    /// Returns the state that was read for the lock, the first time. This saves the
    /// request that opens the upload a call.
    pub(in super::super) async fn take(&self, keys: &Keys) -> Option<Info> {
        let hold = self.find(keys)?;
        hold.take().await
    }

    /// Replaces the state of an upload. Nobody of this process is its announced writer
    /// unless its lock is held here.
    pub(in super::super) async fn swap(
        &self,
        objects: &dyn Objects,
        keys: &Keys,
        old: &Info,
        (document, state): (Document, State),
        then: Then,
    ) -> Result<Swapped> {
        match self.find(keys) {
            Some(hold) => hold.swap(objects, old, (document, state), then).await,
            None => {
                let state = State {
                    writer: None,
                    wanted: false,
                    ..state
                };
                swap(objects, keys, old, document, state).await
            }
        }
    }

    /// Returns how many locks are held.
    #[cfg(test)]
    pub(in super::super) fn len(&self) -> usize {
        self.holds().len()
    }

    fn find(&self, keys: &Keys) -> Option<Arc<Hold>> {
        self.holds().get(keys).cloned()
    }

    fn holds(&self) -> MutexGuard<'_, HashMap<Keys, Arc<Hold>>> {
        // No step panics half-way.
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
