//! Hooks.

use std::sync::Arc;
use std::time::Duration;

use tower_tus_layers::hooks::{HookKinds, Hooks, HooksLayer};

use super::Stack;
use super::order::Shared;

#[derive(Clone, Debug)]
pub(super) struct HookSettings {
    hooks: Option<Arc<dyn Hooks>>,
    kinds: Option<HookKinds>,
    progress_interval: Duration,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self {
            hooks: None,
            kinds: None,
            progress_interval: Duration::from_secs(1),
        }
    }
}

impl HookSettings {
    /// Returns how often progress is told.
    pub(super) const fn progress_interval(&self) -> Duration {
        self.progress_interval
    }

    pub(super) fn layer(self, shared: &Shared) -> Option<HooksLayer> {
        let hooks = self.hooks?;
        let kinds = self.kinds.unwrap_or_else(|| hooks.kinds());
        #[cfg(feature = "metrics")]
        let hooks = shared.measured(hooks);
        let layer = HooksLayer::new(hooks)
            .kinds(kinds)
            .progress_interval(self.progress_interval)
            .base_path(shared.base_path.as_str())
            .locker(Arc::clone(&shared.locker), shared.lock_timeout)
            .shutdown(shared.shutdown.clone());
        Some(layer)
    }
}

impl Stack {
    /// Sets the hooks, which are called before and after something happens to an
    /// upload. None by default.
    ///
    /// ```
    /// use tower_tus::{Callbacks, MemoryStore, Stack};
    ///
    /// let hooks = Callbacks::new().post_finish(|event| async move {
    ///     println!("{} is there", event.upload.id);
    /// });
    /// let service = Stack::new(MemoryStore::default()).hooks(hooks).into_service();
    /// ```
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks.hooks = Some(Arc::new(hooks));
        self
    }

    /// Calls no hooks, which is the default.
    pub fn without_hooks(mut self) -> Self {
        self.hooks.hooks = None;
        self
    }

    /// Sets for which kinds of events hooks are called: by default those that the hooks
    /// [name](Hooks::kinds).
    pub fn hook_kinds(mut self, kinds: HookKinds) -> Self {
        self.hooks.kinds = Some(kinds);
        self
    }

    /// Calls hooks for the kinds of events that they [name](Hooks::kinds), which is the
    /// default.
    pub fn without_hook_kinds(mut self) -> Self {
        self.hooks.kinds = None;
        self
    }

    /// Sets how often hooks and subscribers are told the progress of an upload: every
    /// second by default.
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.hooks.progress_interval = interval;
        self
    }
}
