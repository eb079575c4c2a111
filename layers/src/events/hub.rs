use std::fmt;
use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::UploadEvent;
use super::event::events_of;
use crate::protocol::{Outcome, Upload};

/// Number of events that wait for the slowest subscriber.
const CAPACITY: usize = 1_024;

/// Number of uploads that were left unfinished, and are still to be heard of.
const UNFINISHED: usize = 256;

/// What the layer tells, and subscribers hear. A clone is the same.
///
/// See the [module docs](crate::events) for an example.
#[derive(Clone)]
pub struct Events {
    told: broadcast::Sender<UploadEvent>,
    /// For the server itself, which asks for them again.
    pub(super) unfinished: broadcast::Sender<Arc<Upload>>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            told: broadcast::Sender::new(CAPACITY),
            unfinished: broadcast::Sender::new(UNFINISHED),
        }
    }
}

impl Events {
    /// Returns a subscription to all events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.told.subscribe())
    }

    /// Whether anybody would hear an event.
    pub(super) fn is_heard(&self) -> bool {
        self.told.receiver_count() > 0
    }

    pub(super) fn tell(&self, event: UploadEvent) {
        // It fails if nobody listens any more.
        let _ = self.told.send(event);
    }

    /// Tells what a request did. Progress up to `told` bytes of its body is known
    /// already.
    pub(super) fn tell_outcome(&self, outcome: &Outcome, told: u64) {
        if !self.is_heard() {
            return;
        }
        events_of(outcome, told)
            .into_iter()
            .for_each(|event| self.tell(event));
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscribers = self.told.receiver_count();
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
