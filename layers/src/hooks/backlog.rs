use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hooks::Event;
use crate::protocol::Upload;

/// Maximum memory of all events that wait for a hook, in KiB. A limit is needed
/// because each event keeps its request's headers, whose size the client
/// chooses.
const LIMIT: usize = 32 << 10;

/// Memory of an event without its text, in bytes.
const FIXED: usize = 2 << 10;
const PER_HEADER: usize = 64;

/// Limits the memory of events that wait for a hook.
#[derive(Clone, Debug)]
pub(super) struct Backlog(Arc<Semaphore>);

impl Backlog {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LIMIT)))
    }

    /// Reserves memory for an event until the permit is dropped, or returns
    /// `None` if too little is left.
    pub(super) fn place(&self, event: &Event) -> Option<OwnedSemaphorePermit> {
        let size = size(event).div_ceil(1 << 10);
        let size = u32::try_from(size).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(size).ok()
    }
}

/// Estimates the memory of an event, in bytes.
fn size(event: &Event) -> usize {
    let request = &event.request;
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + PER_HEADER);
    let target = request
        .uri
        .path_and_query()
        .map_or(0, |it| it.as_str().len());
    FIXED + target + headers.sum::<usize>() + texts(&event.upload)
}

fn texts(upload: &Upload) -> usize {
    let metadata = upload.metadata.iter();
    let metadata = metadata.map(|(key, value)| key.len() + value.len() + PER_HEADER);
    upload.id.as_str().len() + metadata.sum::<usize>()
}
