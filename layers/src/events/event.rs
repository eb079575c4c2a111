use std::sync::Arc;

use crate::protocol::{Outcome, Upload};

/// Something that has happened to an upload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UploadEvent {
    /// The upload was created. It has bytes only if it was made of other uploads.
    Created(Arc<Upload>),
    /// Bytes have arrived. While they arrive, the offset is that of bytes which the
    /// store may not have stored yet.
    Progress(Arc<Upload>),
    /// The upload is finished.
    Finished(Arc<Upload>),
    /// The upload was removed by a client, by a hook, with its part, or by the
    /// application. This is its last state.
    Terminated(Arc<Upload>),
    /// The upload was removed because it had expired. This is its last state.
    Expired(Arc<Upload>),
    /// The subscriber was too slow, and has missed this number of events.
    Missed(u64),
}

impl UploadEvent {
    /// Returns the upload, unless events were [missed](Self::Missed).
    #[must_use]
    pub fn upload(&self) -> Option<&Upload> {
        match self {
            Self::Created(upload)
            | Self::Progress(upload)
            | Self::Finished(upload)
            | Self::Terminated(upload)
            | Self::Expired(upload) => Some(upload),
            Self::Missed(_) => None,
        }
    }
}

/// Returns what a request did, in the order in which it happened. Progress up to `told`
/// bytes of its body is known already.
pub(super) fn events_of(outcome: &Outcome, told: u64) -> Vec<UploadEvent> {
    let mut events = Vec::new();
    collect(outcome, told, &mut events);
    events
}

fn collect(outcome: &Outcome, told: u64, events: &mut Vec<UploadEvent>) {
    let upload = Arc::new(outcome.upload.clone());
    let kinds: [(bool, fn(Arc<Upload>) -> UploadEvent); 5] = [
        (outcome.created, UploadEvent::Created),
        (outcome.received != told, UploadEvent::Progress),
        (outcome.finished, UploadEvent::Finished),
        (outcome.terminated, UploadEvent::Terminated),
        (outcome.expired, UploadEvent::Expired),
    ];
    let happened = kinds.into_iter().filter(|(happened, _)| *happened);
    events.extend(happened.map(|(_, event)| event(Arc::clone(&upload))));
    for other in &outcome.others {
        collect(other, 0, events);
    }
}
