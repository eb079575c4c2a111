//! Hooks in a gRPC service: tusd's `HookHandler` of `hook.proto`.
//!
//! The proto file is next to this one in the source. For a receiver in Python,
//! see `examples/hooks/grpc`.
//!
//! # What happens when the service does not answer
//!
//! A call is retried after a pause if the service cannot be reached, goes away
//! during the call, or answers `UNAVAILABLE` or `RESOURCE_EXHAUSTED`. Any other
//! error fails the hook at once. One time limit covers all attempts, so that no
//! upload waits longer. If a hook fails, the client of a `pre-` event gets a
//! 500; other events are lost, and the log has a line about them. The
//! connection is opened by the first call, and again after a failure: the
//! service may start later than the server, and restart at any time. After a
//! restart, it may receive a call twice that it had not answered. A reply of
//! more than 1 MiB fails the hook.
//!
//! At most [`GrpcHooks::concurrency`] calls run at once. The others wait, and
//! connections of clients take turns. If `pre-create` or `pre-terminate` waits longer
//! than the [queue timeout](GrpcHooks::queue_timeout), it fails with
//! [`Error::HooksBusy`](tower_tus_layers::protocol::Error::HooksBusy); other events
//! keep waiting. The time limit starts when the wait is over.
//!
//! Unlike other [`Hooks`], a gRPC service cannot remove all metadata, gets bytes that
//! are not text as U+FFFD, and sees only the first value of each header.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_tus::Stack;
//! use tower_tus::hooks::GrpcHooks;
//! use tower_tus::layers::hooks::HookKinds;
//! use tower_tus::layers::store::MemoryStore;
//!
//! let hooks = GrpcHooks::new("localhost:8000")?
//!     .kinds(HookKinds::ALL)
//!     .timeout(Duration::from_secs(5));
//! let service = Stack::new(MemoryStore::default()).hooks(hooks).into_service();
//! # Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod connection;
mod endpoint;
mod message;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use tokio::time::{sleep, timeout};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};
use tower_tus_layers::gate::Refused;
use tower_tus_layers::hooks::{Event, HookKinds, Hooks, Reply};
use tower_tus_layers::protocol::BoxError;

use self::connection::{Connection, may_pass};
use self::endpoint::Endpoint;
use self::message::{HookRequest, HookResponse};
#[cfg(feature = "_fuzzing")]
pub(super) use self::reply::decode;
pub use self::tls::Tls;
use super::turns::{CALLS, Turns};
use super::{named, payload};

/// Calls a gRPC service as hooks.
///
/// See the [module docs](crate::hooks::grpc) for an example.
pub struct GrpcHooks {
    connection: Connection,
    kinds: HookKinds,
    attempts: u32,
    backoff: Duration,
    timeout: Duration,
    forward_headers: Vec<HeaderName>,
    turns: Turns,
}

impl GrpcHooks {
    /// Calls the service at `address`, a host and a port, without TLS.
    ///
    /// Like in gRPC's own clients, the default host is localhost, the default
    /// port is 443, and `unix:/path` is a Unix socket.
    ///
    /// # Errors
    ///
    /// Fails if `address` is not a valid address.
    pub fn new(address: &str) -> Result<Self, BoxError> {
        Ok(Self::over(endpoint::plain(address)?))
    }

    /// Calls the service at `address` over TLS.
    ///
    /// # Errors
    ///
    /// Fails if `address` is not a valid address, or if `tls` does not contain
    /// certificates and a matching key.
    pub fn secure(address: &str, tls: &Tls) -> Result<Self, BoxError> {
        Ok(Self::over(endpoint::secure(address, tls)?))
    }

    fn over(endpoint: Endpoint) -> Self {
        Self {
            connection: Connection::new(endpoint),
            kinds: HookKinds::default(),
            attempts: 3,
            backoff: Duration::from_secs(1),
            timeout: Duration::from_secs(60),
            forward_headers: Vec::new(),
            turns: Turns::new(CALLS),
        }
    }

    /// Sets which events the service receives: by default, like in tusd, all but
    /// `pre-finish` and `pre-terminate`.
    #[must_use]
    pub fn kinds(self, kinds: HookKinds) -> Self {
        Self { kinds, ..self }
    }

    /// Sets the maximum number of attempts of a call, at least one; the default
    /// is 3.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Sets the pause between two attempts; the default is one second.
    #[must_use]
    pub fn backoff(self, backoff: Duration) -> Self {
        Self { backoff, ..self }
    }

    /// Limits the time for all attempts together; the default is one minute. tusd has
    /// no limit.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Forwards these headers of the client's request as metadata, with all their
    /// values; none by default.
    ///
    /// Headers that HTTP/2 and gRPC use themselves are left out.
    #[must_use]
    pub fn forward_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let names = names.into_iter();
        let forward_headers = names.filter(|name| !is_transport(name)).collect();
        Self {
            forward_headers,
            ..self
        }
    }

    /// Limits the number of concurrent calls; the default is 256, and 0 means
    /// unlimited.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.turns = self.turns.concurrency(calls);
        self
    }

    /// Limits how long `pre-create` and `pre-terminate` wait until they can be sent;
    /// the default is 10 seconds.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.turns = self.turns.patience(timeout);
        self
    }

    async fn ask(&self, event: &Event) -> Result<Reply, BoxError> {
        let answer = timeout(self.timeout, self.call_until_it_succeeds(event)).await;
        let Ok(answer) = answer else {
            self.connection.forget();
            return Err(format!("no response within {:?}", self.timeout).into());
        };
        let response = payload::HookResponse::from(answer.map_err(failed)?);
        Ok(response.into_reply(event.kind)?)
    }

    async fn call_until_it_succeeds(&self, event: &Event) -> Result<HookResponse, Status> {
        let message = HookRequest::from(event);
        let metadata = self.metadata(event);
        let mut attempt = 1;
        loop {
            let request =
                Request::from_parts(metadata.clone(), Default::default(), message.clone());
            match self.connection.call(request).await {
                Err(status) if attempt < self.attempts && may_pass(&status) => {
                    tracing::debug!(%status, attempt, "hook is called again");
                }
                ended => return ended,
            }
            attempt += 1;
            sleep(self.backoff).await;
        }
    }

    fn metadata(&self, event: &Event) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for name in &self.forward_headers {
            for value in event.request.headers.get_all(name) {
                metadata.as_mut().append(name, value.clone());
            }
        }
        metadata
    }
}

/// Converts the error of a call: to a refusal if the service itself decided so.
fn failed(status: Status) -> BoxError {
    let decisions = [
        Code::FailedPrecondition,
        Code::InvalidArgument,
        Code::PermissionDenied,
    ];
    match decisions.contains(&status.code()) {
        true => Refused::new(status).into(),
        false => status.into(),
    }
}

/// Whether a header belongs to the connection or to the framing of the message.
fn is_transport(name: &HeaderName) -> bool {
    let names = [
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    names.contains(&name.as_str()) || name.as_str().starts_with("grpc-")
}

#[async_trait]
impl Hooks for GrpcHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let _turn = self.turns.take(event).await?;
        let reply = self.ask(event).await;
        reply.map_err(|error| named(self.connection.address(), error))
    }

    fn kinds(&self) -> HookKinds {
        self.kinds
    }
}

impl fmt::Debug for GrpcHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcHooks")
            .field("connection", &self.connection)
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}
