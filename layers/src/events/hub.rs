use std::fmt;

use http::Response;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::UploadEvent;
use super::event::events_of;
use crate::protocol::Outcome;

/// Number of events that wait for the slowest subscriber.
const CAPACITY: usize = 1_024;

/// What the layer tells, and subscribers hear. A clone is the same.
///
/// See the [module docs](crate::events) for an example.
#[derive(Clone)]
pub struct Events(broadcast::Sender<UploadEvent>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Events {
    /// Returns a subscription to all events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }

    /// Whether anybody would hear an event.
    pub(super) fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(super) fn tell(&self, event: UploadEvent) {
        // It fails if nobody listens any more.
        let _ = self.0.send(event);
    }

    /// Tells what the request of this response did. Progress up to `told` bytes of its
    /// body is known already.
    pub(super) fn tell_outcome<B>(&self, response: &Response<B>, told: u64) {
        if !self.is_heard() {
            return;
        }
        if let Some(outcome) = Outcome::of(response.extensions()) {
            events_of(outcome, told)
                .into_iter()
                .for_each(|event| self.tell(event));
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscribers = self.0.receiver_count();
        f.debug_struct("Events")
            .field("subscribers", &subscribers)
            .finish_non_exhaustive()
    }
}

/// A subscription to the events of all uploads. It ends when it is dropped.
///
/// Up to 1,024 events wait for it. If more come, it misses the oldest ones, and its
/// next event says [how many](UploadEvent::Missed).
pub struct Subscription(broadcast::Receiver<UploadEvent>);

impl Subscription {
    /// Waits for the next event. Returns `None` when there can be none any more, since
    /// the stack is gone.
    ///
    /// Cancel safe: no event is lost.
    pub async fn next(&mut self) -> Option<UploadEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(UploadEvent::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
