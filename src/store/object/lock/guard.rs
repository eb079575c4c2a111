use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower_tus_layers::lock::Guard;
use tower_tus_layers::protocol::Interrupt;

use super::hold::Hold;
use crate::store::object::ObjectStore;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;

/// Both locks: in the bucket, and within this process.
#[derive(Debug)]
pub(super) struct Held {
    store: ObjectStore,
    hold: Arc<Hold>,
    watch: Option<JoinHandle<()>>,
    /// Dropped after the lock in the bucket.
    _here: Box<dyn Guard>,
}

impl Held {
    pub(super) fn new(
        store: &ObjectStore,
        keys: Keys,
        info: Info,
        interrupt: Interrupt,
        here: Box<dyn Guard>,
    ) -> Self {
        let hold = Arc::new(Hold::new(keys, info, interrupt));
        store.desk.add(&hold);
        Self {
            store: store.clone(),
            hold,
            watch: None,
            _here: here,
        }
    }

    async fn end(self) {
        let objects = &*self.store.objects;
        self.hold.end(objects, self.watch.as_ref()).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
        self.store.desk.remove(&self.hold);
    }
}

/// A lock that is held.
#[derive(Debug)]
pub(super) struct StoreGuard {
    /// `None` once the guard is released.
    held: Option<Held>,
}

impl StoreGuard {
    /// Tells other servers if the request takes long.
    pub(super) fn watched(mut held: Held) -> Self {
        let (hold, objects) = (Arc::clone(&held.hold), Arc::clone(&held.store.objects));
        held.watch = Some(tokio::spawn(hold.watch(objects)));
        Self { held: Some(held) }
    }

    /// Keeps out nobody of other servers.
    pub(super) const fn unwatched(held: Held) -> Self {
        Self { held: Some(held) }
    }

    /// Releases the lock: at once, or in a task if this takes a call.
    fn end(&mut self) -> Option<JoinHandle<()>> {
        let held = self.held.take()?;
        if held.hold.try_end(held.watch.as_ref()) {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(held.end()))
    }
}

#[async_trait]
impl Guard for StoreGuard {
    async fn release(mut self: Box<Self>) {
        if let Some(ending) = self.end() {
            // It only fails if the runtime shuts down.
            let _ = ending.await;
        }
    }
}

impl Drop for StoreGuard {
    fn drop(&mut self) {
        drop(self.end());
    }
}
