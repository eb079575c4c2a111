use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hooks::Event;
use crate::protocol::Upload;

/// What all events that wait for a hook may take, in KiB: a client chooses how
/// large the headers are that each of them keeps.
const LIMIT: usize = 32 << 10;

/// What an event takes apart from its text, in bytes.
const FIXED: usize = 2 << 10;
const PER_HEADER: usize = 64;

/// Bounds the memory of the events that hooks were not told yet.
#[derive(Clone, Debug)]
pub(super) struct Backlog(Arc<Semaphore>);

impl Backlog {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LIMIT)))
    }

    /// A place for an event, free again when it is dropped. There is none when the rest is too small.
    pub(super) fn place(&self, event: &Event) -> Option<OwnedSemaphorePermit> {
        let size = size(event).div_ceil(1 << 10);
        let size = u32::try_from(size).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(size).ok()
    }
}

/// About how many bytes an event keeps.
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
