//! Limits the heads of all requests on a connection together.

use std::sync::Arc;

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::net::send_queue::QueuedBytes;

/// Maximum size of the heads of all running requests in bytes.
const BYTES: usize = 1 << 20;

/// Maximum number of header lines of a request: each takes more memory than its bytes.
const LINES: usize = 250;

/// The bytes that are left for heads on one connection.
#[derive(Debug)]
pub(super) struct Heads(Arc<Semaphore>);

impl Default for Heads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BYTES)))
    }
}

impl Heads {
    /// Counts the head of a request until the permit is dropped, if it fits.
    pub(super) fn admit(&self, request: &Request<RecvStream>) -> Option<OwnedSemaphorePermit> {
        if request.headers().len() > LINES {
            return None;
        }
        let bytes = size(request).try_into().ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

/// The size as `SETTINGS_MAX_HEADER_LIST_SIZE` counts it. RFC 9113, section 6.5.2
fn size(request: &Request<RecvStream>) -> usize {
    let lines = request.headers().iter();
    let bytes = lines.map(|(name, value)| name.as_str().len() + value.len() + 32);
    let path = request.uri().path_and_query();
    bytes.sum::<usize>() + path.map_or(0, |path| path.as_str().len())
}

/// Answers a request that was not admitted.
pub(super) fn refuse(request: &Request<RecvStream>, mut respond: SendResponse<QueuedBytes>) {
    if request.headers().len() <= LINES {
        // The client may send it again, as nothing was done. RFC 9113, section 8.7
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    // It fails only if the stream is gone.
    let _ = respond.send_response(response, true);
}
