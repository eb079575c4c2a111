//! Hooks that are a gRPC service: `HookHandler` of `hook.proto`, which is tusd's.
//!
//! The proto file stands beside this one in the source. A receiver in Python is
//! in `examples/hooks/grpc`.
//!
//! # What happens when the service does not answer
//!
//! A call that fails because the service cannot be reached, goes away in the
//! middle, or says `UNAVAILABLE` or `RESOURCE_EXHAUSTED`, is made again after a
//! pause; any other error is its answer. All attempts together have one time
//! limit, so no upload waits longer than that. Then the hook has failed: to a
//! question the client gets a 500, and what was told is lost, with a line in
//! the log. The connection is made at the first call, and made again when it
//! broke: a service may start later than the server, and restart at any time.
//! A call that it took and did not answer is then made twice. An answer of more
//! than 1 MiB fails the hook.
//!
//! As many calls as [`GrpcHooks::concurrency`] says run at once. The others wait,
//! and connections of clients take turns. A question before a creation or a
//! termination that waits for longer than 10 seconds is answered with
//! [`Error::HooksBusy`](tower_tus_layers::protocol::Error::HooksBusy); `pre-finish`
//! and notifications wait on. The time limit counts from the turn on.
//!
//! What [`Hooks`] can do and the messages cannot: take all metadata away, and
//! bytes that are no text, which become U+FFFD. Of each header they have the
//! first value.
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
pub use self::tls::Tls;
use super::turns::{CALLS, Turns};
use super::{named, payload};

/// Hooks that are a gRPC service.
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
    /// As in gRPC's own clients the port is 443 when it is missing, the host is
    /// localhost when it is, and `unix:/path` is a socket.
    ///
    /// # Errors
    ///
    /// When that is no address.
    pub fn new(address: &str) -> Result<Self, BoxError> {
        Ok(Self::over(endpoint::plain(address)?))
    }

    /// As [`new`](Self::new), over TLS.
    ///
    /// # Errors
    ///
    /// When that is no address, or what `tls` has is no certificate or no key.
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

    /// Which moments the service hears of: as tusd has it unless set, all but
    /// `pre-finish` and `pre-terminate`.
    #[must_use]
    pub fn kinds(self, kinds: HookKinds) -> Self {
        Self { kinds, ..self }
    }

    /// How often a call is made until it succeeds: 3 times unless set, and at least once.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// How long to wait between two attempts: a second unless set.
    #[must_use]
    pub fn backoff(self, backoff: Duration) -> Self {
        Self { backoff, ..self }
    }

    /// How long all attempts together may take: a minute unless set. tusd waits for ever.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Which headers of the client's request the service gets as metadata too,
    /// with all their values: none unless set.
    ///
    /// Those that HTTP/2 and gRPC need for themselves are left out.
    #[must_use]
    pub fn forward_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let names = names.into_iter();
        let forward_headers = names.filter(|name| !is_transport(name)).collect();
        Self {
            forward_headers,
            ..self
        }
    }

    /// How many calls run at once: 256 unless set; 0 means unlimited.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.turns = self.turns.concurrency(calls);
        self
    }

    /// How long a question before a creation or a termination waits until it
    /// can be sent: 10 seconds unless set.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.turns = self.turns.patience(timeout);
        self
    }

    async fn ask(&self, event: &Event) -> Result<Reply, BoxError> {
        let answer = timeout(self.timeout, self.call_until_it_succeeds(event)).await;
        let Ok(answer) = answer else {
            self.connection.forget();
            return Err(format!("no answer within {:?}", self.timeout).into());
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

/// The error of a call: the service's own no, or that it has none.
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

/// Whether a header is about its own connection and body.
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
