//! What commands work on.

use std::sync::Arc;

use tower_tus::layers::expiration::Expiration;
use tower_tus::layers::lock::Locker;
use tower_tus::layers::sweep::Sweeper;
use tower_tus::layers::uploads::Uploads;

use crate::uploads::Storage;

/// The storage of uploads with the settings of its server.
pub(crate) struct Site {
    pub(crate) storage: Storage,
    pub(crate) locker: Arc<dyn Locker>,
    /// The handle of a stack with the server's settings.
    pub(crate) uploads: Uploads,
    /// Set if uploads expire.
    pub(crate) expiration: Option<Expiration>,
}

impl Site {
    pub(super) fn sweeper(&self) -> Sweeper {
        Sweeper::new(self.storage.to_store(), Arc::clone(&self.locker))
    }
}
