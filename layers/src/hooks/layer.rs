use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::HooksService;
use super::late::Lock;
use super::teller::Teller;
use crate::hooks::{HookKinds, Hooks};
use crate::lock::Locker;
use crate::protocol::Shutdown;

/// Layer that applies [`HooksService`].
///
/// See the [module docs](crate::hooks) for an example.
#[derive(Clone, Debug)]
pub struct HooksLayer {
    teller: Teller,
    progress_interval: Duration,
    base_path: Arc<str>,
    lock: Option<Lock>,
}

impl HooksLayer {
    /// Asks and tells `hooks`, at the moments that they want.
    pub fn new(hooks: impl Hooks) -> Self {
        let kinds = hooks.kinds();
        Self {
            teller: Teller::new(Arc::new(hooks), kinds),
            progress_interval: Duration::from_secs(1),
            base_path: Arc::default(),
            lock: None,
        }
    }

    /// Asks and tells at these moments only.
    #[must_use]
    pub fn kinds(mut self, kinds: HookKinds) -> Self {
        self.teller = self.teller.kinds(kinds);
        self
    }

    /// How often `post-receive` is told while bytes arrive: every second unless set.
    #[must_use]
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }

    /// The path below which uploads live. Where a host has stripped it from the
    /// URI of a request, hooks are told the URI with it.
    #[must_use]
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_path = path.trim_end_matches('/').into();
        self
    }

    /// The locker of the Lock layer, and how long to wait for it. An upload that
    /// is stopped between two requests is then removed under its lock; without
    /// a locker it is removed at once.
    #[must_use]
    pub fn locker(mut self, locker: Arc<dyn Locker>, timeout: Duration) -> Self {
        self.lock = Some(Lock { locker, timeout });
        self
    }

    /// What waits for hooks that are still being told something when the server stops.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.teller = self.teller.shutdown(shutdown);
        self
    }
}

impl<S> Layer<S> for HooksLayer {
    type Service = HooksService<S>;

    fn layer(&self, inner: S) -> HooksService<S> {
        HooksService::new(
            inner,
            self.teller.clone(),
            self.progress_interval,
            Arc::clone(&self.base_path),
            self.lock.clone(),
        )
    }
}
