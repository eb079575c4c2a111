//! What commands work on.

use std::sync::Arc;

use tower_tus::async_trait;
use tower_tus::layers::expiration::Expiration;
use tower_tus::layers::lock::Locker;
use tower_tus::layers::sweep::Sweeper;
use tower_tus::layers::uploads::Uploads;
use tower_tus::store::object::Checked;
use tower_tus::{Error, ListRequest, Store};

/// Looks for uploads with which something is wrong.
#[async_trait]
pub(crate) trait Audit: Send + Sync {
    async fn check(&self, request: &ListRequest) -> Result<Checked, Error>;
}

/// The storage of uploads with the settings of its server.
pub(crate) struct Site {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) audit: Box<dyn Audit>,
    pub(crate) locker: Arc<dyn Locker>,
    /// The handle of a stack with the server's settings.
    pub(crate) uploads: Uploads,
    /// Set if uploads expire.
    pub(crate) expiration: Option<Expiration>,
}

impl Site {
    pub(super) fn sweeper(&self) -> Sweeper {
        Sweeper::new(Arc::clone(&self.store), Arc::clone(&self.locker))
    }
}
