use std::time::Duration;

use tower_layer::Layer;

use super::{Events, EventsService};

/// Layer that applies [`EventsService`].
///
/// See the [module docs](crate::events) for an example.
#[derive(Clone, Debug)]
pub struct EventsLayer {
    events: Events,
    progress_interval: Duration,
}

impl EventsLayer {
    /// Creates a layer that tells the subscribers of `events`.
    #[must_use]
    pub const fn new(events: Events) -> Self {
        Self {
            events,
            progress_interval: Duration::from_secs(1),
        }
    }

    /// Sets the interval of [`UploadEvent::Progress`](super::UploadEvent::Progress)
    /// while bytes arrive; one second by default.
    #[must_use]
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }
}

impl<S> Layer<S> for EventsLayer {
    type Service = EventsService<S>;

    fn layer(&self, inner: S) -> EventsService<S> {
        EventsService::new(inner, self.events.clone(), self.progress_interval)
    }
}
