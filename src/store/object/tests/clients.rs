//! Clients of one bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tower_tus_layers::protocol::{Error, NewUpload, UploadId};
use tower_tus_layers::store::{Cleaner, Concatenator, Handle, Lister, Reader, Store, Terminator};

use crate::store::object::ObjectStore;

/// A store each call of which is that of the next client. It lacks what a suite must not
/// find.
#[derive(Clone, Debug)]
pub(in super::super) struct Clients {
    stores: Vec<ObjectStore>,
    calls: Arc<AtomicUsize>,
    lacks: Option<Lacks>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Lacks {
    Lists,
    Finals,
}

impl Clients {
    pub(in super::super) fn new(stores: impl Into<Vec<ObjectStore>>) -> Self {
        Self {
            stores: stores.into(),
            calls: Arc::default(),
            lacks: None,
        }
    }

    pub(in super::super) fn without(self, lacks: Lacks) -> Self {
        Self {
            lacks: Some(lacks),
            ..self
        }
    }

    fn next(&self) -> &ObjectStore {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        &self.stores[call % self.stores.len()]
    }

    fn unless(&self, lacks: Lacks) -> Option<&ObjectStore> {
        (self.lacks != Some(lacks)).then(|| self.next())
    }
}

#[async_trait]
impl Store for Clients {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.next().create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.next().open(id).await
    }

    fn needs_finish(&self) -> bool {
        self.next().needs_finish()
    }

    fn defers_length(&self) -> bool {
        self.next().defers_length()
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.next().terminator()
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        self.unless(Lacks::Finals)?.concatenator()
    }

    fn lister(&self) -> Option<&dyn Lister> {
        self.unless(Lacks::Lists)?.lister()
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.next().reader()
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        self.next().cleaner()
    }
}
