//! The handle on the uploads of a stack.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use tower_service::Service;
use tower_tus_layers::events::Events;
use tower_tus_layers::protocol::Body;
use tower_tus_layers::uploads::Uploads;

use super::Stack;
use super::order::Shared;
use crate::{TusLayer, TusService};

impl Stack {
    /// Makes a service that takes every request, and a handle on its uploads, which
    /// lists, shows and removes them, and tells what happens to them.
    ///
    /// Both use the same store, locks, hooks and metrics. Spawn [`Uploads::run`] to
    /// finish uploads that a crash or a failing hook has left complete but unfinished,
    /// and to remove expired ones.
    ///
    /// ```
    /// use tower_tus::layers::store::ListRequest;
    /// use tower_tus::{MemoryStore, Stack};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_tus::Error> {
    /// let (service, uploads) = Stack::new(MemoryStore::default()).into_service_and_uploads();
    /// let mine = uploads.list(&ListRequest::default().prefix("alice/")).await?;
    /// assert!(mine.uploads.is_empty());
    /// # drop(service);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_service_and_uploads(self) -> (TusService, Uploads) {
        self.assemble(Some(Events::default()))
    }

    /// Like [`into_layer`](Self::into_layer), with a handle on the uploads.
    #[must_use]
    pub fn into_layer_and_uploads(self) -> (TusLayer, Uploads) {
        let base_path = self.base_path.clone();
        let (service, uploads) = self.into_service_and_uploads();
        (TusLayer::mount(service, base_path), uploads)
    }
}

impl Shared {
    /// Makes the handle on the uploads of the stack whose part inside the lock is
    /// `inside`.
    pub(super) fn uploads<S>(&self, inside: S, events: Option<Events>) -> Uploads
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let (store, locker) = (Arc::clone(&self.store), Arc::clone(&self.locker));
        let uploads = Uploads::new(inside, store, locker, self.lock_timeout)
            .base_path(self.base_path.as_str())
            .shutdown(self.shutdown.clone())
            .finish_attempts(self.finish_attempts);
        match events {
            Some(events) => uploads.with_events(events),
            None => uploads,
        }
    }
}
