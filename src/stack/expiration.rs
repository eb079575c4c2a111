//! Uploads that expire.

use std::sync::Arc;

use tower_tus_layers::expiration::ExpirationLayer;
use tower_tus_layers::uploads::Uploads;

use super::Stack;
use super::order::Shared;
use crate::Expiration;

/// When uploads expire, if they do.
#[derive(Clone, Debug, Default)]
pub(super) struct Expires(Option<Expiration>);

impl Expires {
    pub(super) fn layer(self, shared: &Shared) -> Option<ExpirationLayer> {
        let expiration = self.0?.finish_attempts(shared.finish_attempts);
        Some(ExpirationLayer::new(Arc::clone(&shared.store), expiration))
    }

    /// The handle that removes what has expired.
    pub(super) fn applied_by(&self, uploads: Uploads, shared: &Shared) -> Uploads {
        match self.0.clone() {
            Some(it) => uploads.expiration(it.finish_attempts(shared.finish_attempts)),
            None => uploads,
        }
    }
}

impl Stack {
    /// Lets uploads expire, as [`Expiration`] says. Off by default.
    ///
    /// Clients are told when, and an upload that has expired is refused. It is removed by
    /// [`Uploads::expire`](crate::Uploads::expire), or by [`Uploads::run`](crate::Uploads::run) on a
    /// schedule: make the stack into a service with
    /// [`into_service_and_uploads`](Self::into_service_and_uploads).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tus::{Expiration, MemoryStore, Stack};
    ///
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let expiration = Expiration::after(day).finished(30 * day);
    /// let service = Stack::new(MemoryStore::default()).expiration(expiration).into_service();
    /// ```
    pub fn expiration(mut self, expiration: Expiration) -> Self {
        self.expiration = Expires(Some(expiration));
        self
    }

    /// Lets no upload expire, which is the default.
    pub fn without_expiration(mut self) -> Self {
        self.expiration = Expires(None);
        self
    }
}
