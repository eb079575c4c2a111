use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::HooksService;
use super::late::Lock;
use super::notifier::Notifier;
use crate::hooks::{HookKinds, Hooks};
use crate::lock::Locker;
use crate::protocol::Shutdown;

/// Layer that applies [`HooksService`].
///
/// See the [module docs](crate::hooks) for an example.
#[derive(Clone, Debug)]
pub struct HooksLayer {
    notifier: Notifier,
    progress_interval: Duration,
    base_path: Arc<str>,
    lock: Option<Lock>,
}

impl HooksLayer {
    /// Creates a layer that calls `hooks` for the kinds of events that they
    /// select.
    pub fn new(hooks: impl Hooks) -> Self {
        let kinds = hooks.kinds();
        Self {
            notifier: Notifier::new(Arc::new(hooks), kinds),
            progress_interval: Duration::from_secs(1),
            base_path: Arc::default(),
            lock: None,
        }
    }

    /// Calls the hooks for these kinds only.
    #[must_use]
    pub fn kinds(mut self, kinds: HookKinds) -> Self {
        self.notifier = self.notifier.kinds(kinds);
        self
    }

    /// Sets the interval of `post-receive` while bytes arrive; one second by
    /// default.
    #[must_use]
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }

    /// Sets the path below which uploads live. If a framework has stripped it
    /// from the URI of a request, it is restored for hooks.
    #[must_use]
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_path = path.trim_end_matches('/').into();
        self
    }

    /// Sets the locker of the Lock layer, and how long to wait for it. An
    /// upload that is stopped after its request has ended is then removed under
    /// its lock; without a locker it is removed at once.
    #[must_use]
    pub fn locker(mut self, locker: Arc<dyn Locker>, timeout: Duration) -> Self {
        self.lock = Some(Lock { locker, timeout });
        self
    }

    /// Sets the shutdown that waits for hooks which still have events to
    /// process.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.notifier = self.notifier.shutdown(shutdown);
        self
    }
}

impl<S> Layer<S> for HooksLayer {
    type Service = HooksService<S>;

    fn layer(&self, inner: S) -> HooksService<S> {
        HooksService::new(
            inner,
            self.notifier.clone(),
            self.progress_interval,
            Arc::clone(&self.base_path),
            self.lock.clone(),
        )
    }
}
