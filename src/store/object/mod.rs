//! Uploads in an object store.
//!
//! The object `<id>.info` is the whole state of an upload, replaced only by
//! compare-and-swap. Bytes are in places that this state names; whatever no state names
//! does not count.

// Until the store is whole, parts of it have no user.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod append;
mod budget;
mod calls;
mod clean;
mod cloud;
mod concatenate;
mod create;
mod finish;
mod handle;
mod info;
mod keys;
mod list;
mod lock;
mod objects;
mod parts;
mod read;
mod state;
mod swap;
mod tail;
mod terminate;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Error, Interrupt, NewUpload, UploadId};
use tower_tus_layers::store::{
    Cleaner, Concatenator, Content, Handle, ListRequest, Lister, Page, Reader, Store, Terminator,
};

use self::budget::Budget;
use self::handle::ObjectHandle;
use self::keys::Keys;
use self::lock::Desk;
use self::objects::Objects;
use self::read::ObjectContent;

pub(crate) use self::state::State;

pub use self::lock::StoreLocker;

const MIB: u64 = 1 << 20;

/// Stores uploads in a bucket of an object store.
///
/// Several servers can share a bucket. Clones share their memory.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    objects: Arc<dyn Objects>,
    prefix: Arc<str>,
    part_size: u64,
    parts_at_once: usize,
    budget: Budget,
    desk: Desk,
    memory_of_passes: Arc<clean::Memory>,
}

impl ObjectStore {
    fn over(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            prefix: "".into(),
            part_size: parts::PREFERRED,
            parts_at_once: 4,
            budget: Budget::new(128 * MIB),
            desk: Desk::default(),
            memory_of_passes: Arc::default(),
        }
    }

    /// Sets the beginning of all keys; empty by default. To keep the objects in a
    /// directory, end it with `/`.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the preferred size of parts in bytes: 8 MiB by default. Parts of a large
    /// upload are larger if it would need too many of them. An upload that fits into one
    /// part is sent as one object.
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes;
        self
    }

    /// Sets how many parts of one upload are sent at the same time: 4 by default.
    #[must_use]
    pub fn parts_at_once(mut self, parts: usize) -> Self {
        self.parts_at_once = parts.max(1);
        self
    }

    /// Sets how many bytes of all uploads are held in memory at most: 128 MiB by
    /// default. A part that is larger takes all of it, and is held nevertheless.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.budget = Budget::new(bytes);
        self
    }

    /// Returns a locker for the uploads of this store, on all servers that share its
    /// bucket.
    #[must_use]
    pub fn locker(&self) -> StoreLocker {
        StoreLocker::new(self.clone())
    }

    fn keys(&self, id: &UploadId) -> Keys {
        Keys::new(&self.prefix, id)
    }
}

#[async_trait]
impl Store for ObjectStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let handle = create::create(self, new).await?;
        Ok(Box::new(handle))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let handle = ObjectHandle::open(self, id).await?;
        Ok(Box::new(handle))
    }

    fn needs_finish(&self) -> bool {
        true
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }
}

#[async_trait]
impl Lister for ObjectStore {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        list::list(self, request).await
    }
}

#[async_trait]
impl Terminator for ObjectStore {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        terminate::terminate(self, id).await
    }
}

#[async_trait]
impl Concatenator for ObjectStore {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let handle = concatenate::concatenate(self, new, interrupt).await?;
        Ok(Box::new(handle))
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        concatenate::assemble(self, id, interrupt).await
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        concatenate::await_part(self, part, id).await
    }
}

#[async_trait]
impl Reader for ObjectStore {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let content = ObjectContent::open(self, id).await?;
        Ok(Box::new(content))
    }
}
