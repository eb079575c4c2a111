//! Uploads that expire.

use std::sync::Arc;

use tower_tus_layers::expiration::ExpirationLayer;

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
}

impl Stack {
    /// Lets uploads expire, as [`Expiration`] says. Off by default.
    ///
    /// Clients are told when, and an upload that has expired is refused. Nothing removes
    /// it yet: whoever does gets a clone of the same `expiration`.
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
