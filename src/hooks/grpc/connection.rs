//! The way to the service, and calls over it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::message::{HookRequest, HookResponse};

const METHOD: PathAndQuery = PathAndQuery::from_static("/proto.HookHandler/InvokeHook");

/// More than this is no answer, in bytes.
const LARGEST: usize = 1 << 20;

pub(super) struct Connection {
    endpoint: Endpoint,
    /// Made at the first call: before, there may be no runtime. Once made, it
    /// connects again by itself.
    channel: Mutex<Option<Channel>>,
}

impl Connection {
    pub(super) const fn new(endpoint: Endpoint) -> Self {
        let channel = Mutex::new(None);
        Self { endpoint, channel }
    }

    pub(super) async fn call(&self, request: Request<HookRequest>) -> Result<HookResponse, Status> {
        let mut client = Grpc::new(self.channel()).max_decoding_message_size(LARGEST);
        let ready = client.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))?;
        let response = client.unary(request, METHOD, ProstCodec::default()).await?;
        Ok(response.into_inner())
    }

    /// Where the service is, for the log.
    pub(super) fn address(&self) -> &http::Uri {
        self.endpoint.uri()
    }

    /// Has the next call connect anew: this connection may lead to a machine that
    /// is gone, which nothing but the time shows.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    fn channel(&self) -> Channel {
        let mut channel = self.lock();
        let channel = channel.get_or_insert_with(|| self.endpoint.connect_lazy());
        channel.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Channel>> {
        // It is whole at any time.
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.uri().fmt(f)
    }
}

/// Whether the same call may succeed later: what tusd takes for that, and all
/// that did not come from the service, but from the way to it.
pub(super) fn may_pass(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
        || std::error::Error::source(status).is_some()
}
