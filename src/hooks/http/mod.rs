//! Hooks behind a URL.

mod call;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, StatusCode};
use reqwest::{Client, Url, redirect};
use tokio::time::timeout;
use tower_tus_layers::hooks::{Event, Hooks, Reply};
use tower_tus_layers::protocol::BoxError;
#[cfg(doc)]
use tower_tus_layers::protocol::Error;

use self::tls::Trust;
use super::named;
use super::turns::{CALLS, Turns};

/// Hooks that are a server: each event is a POST to its URL.
///
/// The request has the event as `application/json`, and so has the response,
/// with a status of 200 to 299, the reply. Any other response fails the hook.
///
/// A server that cannot be reached, and one that answers with a status of 500 or
/// above, is asked again after a while; the [`timeout`](Self::timeout) spans all
/// [`attempts`](Self::attempts).
///
/// * HTTP/1.1, or HTTP/2 where a TLS server has it.
/// * Certificates are verified with the roots of the system, or those of
///   `SSL_CERT_FILE` and `SSL_CERT_DIR`.
/// * The proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are used, but
///   never to a server on this host.
/// * Redirects that keep the request as it is (307 and 308) are followed within
///   the scheme, host and port of the URL. One to another server fails, which must
///   not get the event; others would become a GET without the event, and fail.
///
/// As many calls as [`concurrency`](Self::concurrency) says run at once. The others
/// wait, and connections of clients take turns. A question before a creation or a
/// termination that waits for longer than 10 seconds is answered with
/// [`Error::HooksBusy`]; `pre-finish` and notifications wait on. The
/// [`timeout`](Self::timeout) counts from the turn on.
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
    client: Client,
    url: Url,
    forwarded: Vec<HeaderName>,
    attempts: u32,
    backoff: Duration,
    timeout: Duration,
    size_limit: u64,
    turns: Turns,
}

impl HttpHooks {
    /// The server at `url`.
    ///
    /// # Errors
    ///
    /// When it is not an http or https URL with a host.
    pub fn new(url: &str) -> Result<Self, HttpHooksError> {
        let url = Url::parse(url).map_err(|error| HttpHooksError(error.into()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(HttpHooksError("not an http or https URL".into()));
        }
        Ok(Self {
            client: client(&url, Trust::System)?,
            url,
            forwarded: Vec::new(),
            attempts: 3,
            backoff: Duration::from_secs(1),
            timeout: Duration::from_secs(15),
            size_limit: 5 << 10,
            turns: Turns::new(CALLS),
        })
    }

    /// Accepts any certificate, and so anyone in the server's place.
    ///
    /// # Errors
    ///
    /// When there is no client without certificates.
    pub fn skip_verify(mut self) -> Result<Self, HttpHooksError> {
        self.client = client(&self.url, Trust::Anyone)?;
        Ok(self)
    }

    /// Passes these headers of a client's request on: none unless set.
    ///
    /// `Host` and those of the message itself are never passed on; all are in
    /// the event anyway. Over HTTP/1.1 their names are in title case.
    #[must_use]
    pub fn forward_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.forwarded = names.into_iter().collect();
        self
    }

    /// How often an event is sent at most: 3 times unless set, at least once.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long to wait before the next attempt: a second unless set.
    #[must_use]
    pub const fn backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long a reply may take, with all attempts: 15 seconds unless set.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes a response may have: 5120 unless set.
    #[must_use]
    pub const fn size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = bytes;
        self
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
}

#[async_trait]
impl Hooks for HttpHooks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let _turn = self.turns.take(event).await?;
        let reply = match timeout(self.timeout, self.ask(event)).await {
            Ok(reply) => reply,
            Err(_) => Err(format!("no answer within {:?}", self.timeout).into()),
        };
        reply.map_err(|error| named(place(&self.url), error))
    }
}

fn client(url: &Url, trust: Trust) -> Result<Client, HttpHooksError> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls::config(trust))
        .user_agent(concat!("tower-tus/", env!("CARGO_PKG_VERSION")))
        // Small servers may compare names by case.
        .http1_title_case_headers()
        .redirect(redirect::Policy::custom(redirected))
        .referer(false)
        .retry(reqwest::retry::never());
    // As Go has it: programs on this host are not what a proxy is for.
    let client = match is_this_host(url) {
        true => client.no_proxy(),
        false => client,
    };
    client.build().map_err(|error| HttpHooksError(error.into()))
}

fn redirected(attempt: redirect::Attempt<'_>) -> redirect::Action {
    const MOST: usize = 10;
    let keeps = [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let stays = attempt
        .previous()
        .iter()
        .all(|url| url.origin() == attempt.url().origin());
    if stays && keeps.contains(&attempt.status()) && attempt.previous().len() <= MOST {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// A URL less what may be secret in it: user, password and query.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn is_this_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The URL, or the client for it, is not to be had.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_a_server_will_do() {
        for url in ["http://a", "https://a:1/b?c=d", "http://[::1]:1/"] {
            assert!(HttpHooks::new(url).is_ok(), "{url}");
        }
        for url in ["", "a", "a:1/b", "/a", "ftp://a", "unix:/a", "http://"] {
            assert!(HttpHooks::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn this_host_has_its_names() {
        let is_this_host = |url: &str| is_this_host(&url.parse().unwrap());
        assert!(is_this_host("http://localhost:3000"));
        assert!(is_this_host("http://127.1.2.3"));
        assert!(is_this_host("http://[::1]:1/a"));
        assert!(!is_this_host("http://localhost.example"));
        assert!(!is_this_host("http://10.0.0.1"));
    }
}
