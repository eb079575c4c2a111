use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Counter, Histogram, Unit, counter, histogram};

use super::names::{described_counter, described_histogram};
use super::stopwatch::Stopwatch;
use crate::hooks::{Event, HookKind, HookKinds, Hooks, Reply, caught};
use crate::protocol::BoxError;

/// Hooks that count their calls and failures, and measure their duration.
///
/// See the [module docs](crate::metrics) for an example.
#[derive(Clone, Debug)]
pub struct TimedHooks {
    hooks: Arc<dyn Hooks>,
    /// In the order of [`HookKind::ALL`].
    kinds: Arc<[HookMetrics]>,
}

#[derive(Debug)]
struct HookMetrics {
    invocations: Counter,
    errors: Counter,
    duration: Histogram,
}

impl TimedHooks {
    /// Wraps `hooks`; the names of the metrics begin with `prefix` and `_`. The
    /// metrics are registered here, with the recorder that is installed at this
    /// moment.
    #[must_use]
    pub fn new(hooks: Arc<dyn Hooks>, prefix: &str) -> Self {
        let counted = |name, text| described_counter(prefix, name, Unit::Count, text);
        let invocations = counted("hook_invocations_total", "Hooks called, by their type.");
        let errors = counted("hook_errors_total", "Hooks that failed, by their type.");
        let text = "Time that a hook took, by its type.";
        let duration = described_histogram(prefix, "hook_duration_seconds", text);
        let kinds = HookKind::ALL.iter().map(|kind| {
            let kind = kind.as_str();
            HookMetrics {
                invocations: counter!(invocations.clone(), "hooktype" => kind),
                errors: counter!(errors.clone(), "hooktype" => kind),
                duration: histogram!(duration.clone(), "hooktype" => kind),
            }
        });
        Self {
            hooks,
            kinds: kinds.collect(),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Hooks for TimedHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let metrics = &self.kinds[event.kind as usize];
        metrics.invocations.increment(1);
        let _time = Stopwatch::start(&metrics.duration);
        let reply = caught(|| self.hooks.call(event)).await;
        reply.inspect_err(|_| metrics.errors.increment(1))
    }

    fn kinds(&self) -> HookKinds {
        self.hooks.kinds()
    }

    fn hears(&self, kind: HookKind) -> bool {
        self.hooks.hears(kind)
    }
}
