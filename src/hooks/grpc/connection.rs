//! The connection to the service, and calls over it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::uri::PathAndQuery;
use hyper_util::client::legacy::Error;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::ServiceExt;

use super::endpoint::Endpoint;
use super::message::{HookRequest, HookResponse};
use crate::http_client::{Client, http2, in_full};

const METHOD: PathAndQuery = PathAndQuery::from_static("/proto.HookHandler/InvokeHook");

/// Maximum size of a reply in bytes.
const MAX_REPLY: usize = 1 << 20;

pub(super) struct Connection {
    endpoint: Endpoint,
    /// Connects on the first call, and again after a failure.
    client: Mutex<Client<Body>>,
}

impl Connection {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let client = Mutex::new(http2(endpoint.connector().clone()));
        Self { endpoint, client }
    }

    pub(super) async fn call(&self, request: Request<HookRequest>) -> Result<HookResponse, Status> {
        let client = self.lock().clone().map_err(unreachable);
        let mut client = Grpc::with_origin(client, self.endpoint.origin().clone())
            .max_decoding_message_size(MAX_REPLY);
        let response = client.unary(request, METHOD, ProstCodec::default()).await?;
        Ok(response.into_inner())
    }

    /// Returns the address of the service, for the log.
    pub(super) fn address(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes the next call open a new connection: the current one may lead to a
    /// machine that is gone, which only a timeout reveals.
    pub(super) fn forget(&self) {
        *self.lock() = http2(self.endpoint.connector().clone());
    }

    fn lock(&self) -> MutexGuard<'_, Client<Body>> {
        // No code that holds the lock can leave the client half changed.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.endpoint, f)
    }
}

/// Returns the status of a call that the service did not answer.
fn unreachable(error: Error) -> Status {
    let mut status = Status::unavailable(in_full(&error).to_string());
    status.set_source(Arc::new(error));
    status
}

/// Whether a retry may succeed: for the codes that tusd retries, and for every
/// error that did not come from the service itself.
pub(super) fn may_pass(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
        || std::error::Error::source(status).is_some()
}
