//! Hooks behind an HTTP server.

mod call;
mod target;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Full;
use tokio::time::timeout;
use tower_tus_layers::hooks::{Event, Hooks, Reply};
use tower_tus_layers::protocol::BoxError;
#[cfg(doc)]
use tower_tus_layers::protocol::Error;

use self::target::Target;
use super::named;
use super::turns::{CALLS, Turns};
use crate::http_client::{Client, Connect, Proxy, Trust, any_version, config, connector};

/// Sends each event to an HTTP server, as a POST to its URL.
///
/// The request contains the event as `application/json`. A response with a status of
/// 200 to 299 contains the reply, in JSON too. Any other response fails the hook.
///
/// A request that cannot be sent, or is answered with a status of 500 or above, is
/// retried after the [`backoff`](Self::backoff); the [`timeout`](Self::timeout) spans
/// all [`attempts`](Self::attempts).
///
/// * HTTP/1.1, or HTTP/2 if a TLS server chooses it.
/// * A user and password in the URL are sent as `Authorization`.
/// * Certificates are verified with the roots of the system, or those of
///   `SSL_CERT_FILE` and `SSL_CERT_DIR`, which may also list a self-signed
///   certificate of the server itself.
/// * The proxies of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in
///   lower case, are used, but never for a server on this host.
/// * Redirects that keep the request as it is (307 and 308) are followed within
///   the scheme, host and port of the URL, 10 at most. Others fail the hook: another
///   server must not get the event, and the other statuses would turn the request
///   into a GET without it.
///
/// At most [`concurrency`](Self::concurrency) calls run at once. The others wait, and
/// connections of clients take turns. If `pre-create` or `pre-terminate` waits longer
/// than the [`queue_timeout`](Self::queue_timeout), it fails with
/// [`Error::HooksBusy`]; other events keep waiting. The [`timeout`](Self::timeout)
/// starts when the wait is over.
///
/// ```no_run
/// use tower_tus::hooks::HttpHooks;
/// use tower_tus::store::FileStore;
/// use tower_tus::Stack;
///
/// let hooks = HttpHooks::new("https://hooks.example/tus")?;
/// let service = Stack::new(FileStore::new("data")).hooks(hooks).into_service();
/// # Ok::<_, tower_tus::hooks::HttpHooksError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpHooks {
    client: Client<Full<Bytes>>,
    proxy_authorization: Option<HeaderValue>,
    target: Target,
    forwarded: Vec<HeaderName>,
    attempts: u32,
    backoff: Duration,
    timeout: Duration,
    size_limit: u64,
    turns: Turns,
}

impl HttpHooks {
    /// Sends events to the server at `url`.
    ///
    /// # Errors
    ///
    /// Fails if `url` is not an http or https URL with a host, if the host is
    /// not in its ASCII form, or if the environment configures a proxy that is
    /// not an HTTP proxy.
    pub fn new(url: &str) -> Result<Self, HttpHooksError> {
        let target: Target = url.parse()?;
        let (client, proxy_authorization) = client(&target, Trust::system())?;
        Ok(Self {
            client,
            proxy_authorization,
            target,
            forwarded: Vec::new(),
            attempts: 3,
            backoff: Duration::from_secs(1),
            timeout: Duration::from_secs(15),
            size_limit: 5 << 10,
            turns: Turns::new(CALLS),
        })
    }

    /// Accepts any certificate, so that anyone can pose as the server.
    ///
    /// # Errors
    ///
    /// See [`new`](Self::new).
    pub fn skip_verify(mut self) -> Result<Self, HttpHooksError> {
        (self.client, self.proxy_authorization) = client(&self.target, Trust::Anyone)?;
        Ok(self)
    }

    /// Forwards these headers of the client's request; none by default.
    ///
    /// `Host` and the headers that frame a message are never forwarded; the event
    /// contains all of them anyway. Over HTTP/1.1 names are in title case.
    #[must_use]
    pub fn forward_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.forwarded = names.into_iter().collect();
        self
    }

    /// Sets the maximum number of attempts per event, at least one; the default
    /// is 3.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the pause between two attempts; the default is one second.
    #[must_use]
    pub fn backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// Limits the time for all attempts together; the default is 15 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits the size of a response body in bytes; the default is 5120.
    #[must_use]
    pub fn size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = bytes;
        self
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
}

#[async_trait]
impl Hooks for HttpHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let _turn = self.turns.take(event).await?;
        let reply = match timeout(self.timeout, self.ask(event)).await {
            Ok(reply) => reply,
            Err(_) => Err(format!("no response within {:?}", self.timeout).into()),
        };
        reply.map_err(|error| named(self.target.place(), error))
    }
}

/// Builds a client for one server, and returns the proxy's header for each
/// request.
fn client(
    target: &Target,
    trust: Trust,
) -> Result<(Client<Full<Bytes>>, Option<HeaderValue>), HttpHooksError> {
    let mut tls = config(trust, None).map_err(|error| HttpHooksError(error.into()))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let proxy = Proxy::from_env(target.uri(), &tls).map_err(HttpHooksError)?;
    let authorization = proxy
        .as_ref()
        .and_then(|proxy| proxy.authorization().cloned());
    let connect = proxy.map_or(Connect::Direct, Connect::Through);
    Ok((any_version(connector(connect, tls)), authorization))
}

/// An error: the URL or its proxy cannot be used.
#[derive(Debug)]
pub struct HttpHooksError(BoxError);

impl fmt::Display for HttpHooksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for HttpHooksError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
