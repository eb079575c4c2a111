use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Counter, Histogram, Unit, counter, histogram};

use super::names::{described_counter, described_histogram};
use super::stopwatch::Stopwatch;
use crate::hook::{Event, Hooks, Moment, Moments, Reply, caught};
use crate::protocol::BoxError;

/// Hooks that count how often they are called and fail, and measure how long
/// they take.
///
/// See the [module docs](crate::measuring) for an example.
#[derive(Clone, Debug)]
pub struct TimedHooks {
    hooks: Arc<dyn Hooks>,
    /// In the order of [`Moment::ALL`].
    moments: Arc<[HookMetrics]>,
}

#[derive(Debug)]
struct HookMetrics {
    invocations: Counter,
    errors: Counter,
    duration: Histogram,
}

impl TimedHooks {
    /// `hooks`, with metrics whose names begin with `prefix` and `_`. They are
    /// registered here, with the recorder that is installed now.
    #[must_use]
    pub fn new(hooks: Arc<dyn Hooks>, prefix: &str) -> Self {
        let counted = |name, text| described_counter(prefix, name, Unit::Count, text);
        let invocations = counted("hook_invocations_total", "Hooks called, by their type.");
        let errors = counted("hook_errors_total", "Hooks that failed, by their type.");
        let text = "Time that a hook took, by its type.";
        let duration = described_histogram(prefix, "hook_duration_seconds", text);
        let moments = Moment::ALL.map(|moment| {
            let kind = moment.as_str();
            HookMetrics {
                invocations: counter!(invocations.clone(), "hooktype" => kind),
                errors: counter!(errors.clone(), "hooktype" => kind),
                duration: histogram!(duration.clone(), "hooktype" => kind),
            }
        });
        Self {
            hooks,
            moments: moments.into(),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Hooks for TimedHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let metrics = &self.moments[event.moment as usize];
        metrics.invocations.increment(1);
        let _time = Stopwatch::start(&metrics.duration);
        let reply = caught(|| self.hooks.call(event)).await;
        reply.inspect_err(|_| metrics.errors.increment(1))
    }

    fn moments(&self) -> Moments {
        self.hooks.moments()
    }

    fn hears(&self, moment: Moment) -> bool {
        self.hooks.hears(moment)
    }
}
