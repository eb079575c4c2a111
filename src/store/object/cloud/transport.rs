//! Requests to one server, with time limits and retries.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{IF_MATCH, IF_NONE_MATCH, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpService,
};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use rustls::ClientConfig;
use tokio::time::{Instant, sleep, timeout};
use tower_tus_layers::protocol::BoxError;

use super::failure::{Answer, Failure};
use crate::http_client::{Client, Connect, Proxy, connector, http1, in_full};

/// Time until an answer begins, for a request without a body.
const ANSWER: Duration = Duration::from_secs(15);

/// The same, where the server has to join parts first.
const JOINED: Duration = Duration::from_secs(300);

/// Bytes per second that a slow link transfers at least.
const SLOWEST: u64 = 64 << 10;

/// The same for a server that is part of this machine.
const BESIDE: Duration = Duration::from_secs(3);

const NO_CREDENTIALS: &str = "no credentials are in variables or files, and no metadata \
                              server gives some";

/// Time in which the body of an answer goes on.
const STALLED: Duration = Duration::from_secs(30);

/// Time before each retry.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Time after which no retry begins.
const RETRIES: Duration = Duration::from_secs(10);

/// Sends requests to one server, and waits for whole answers.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client<HttpRequestBody>,
    proxy_authorization: Option<HeaderValue>,
}

/// Bytes that the server itself moves for a request, as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moves(pub(super) u64);

impl Transport {
    /// Reaches a server directly, or through the proxy of the environment.
    ///
    /// # Errors
    ///
    /// Fails if the proxy cannot be used.
    pub(super) fn new(server: &Uri, tls: &ClientConfig) -> Result<Self, BoxError> {
        let proxy = Proxy::from_env(server, tls)?;
        let proxy_authorization = proxy
            .as_ref()
            .and_then(|proxy| proxy.authorization().cloned());
        let connect = proxy.map_or(Connect::Direct, Connect::Through);
        Ok(Self {
            client: http1(connector(connect, tls.clone())),
            proxy_authorization,
        })
    }

    /// Reaches any server directly.
    fn direct(tls: &ClientConfig) -> Self {
        Self {
            client: http1(connector(Connect::Direct, tls.clone())),
            proxy_authorization: None,
        }
    }

    /// Sends a request, again after a brief failure if this cannot do harm.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<Response<Bytes>, Failure> {
        let begun = Instant::now();
        let can_be_repeated = can_be_repeated(&request);
        let mut pauses = PAUSES.iter();
        loop {
            let failure = match self.attempt(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let is_unsent = matches!(failure, Failure::Unreached(_));
            let is_late = begun.elapsed() >= RETRIES;
            match pauses.next() {
                Some(pause) if (can_be_repeated || is_unsent) && failure.is_brief() && !is_late => {
                    sleep(*pause).await;
                }
                _ => return Err(failure),
            }
        }
    }

    async fn attempt(&self, request: HttpRequest) -> Result<Response<Bytes>, Failure> {
        let is_conditional = is_conditional(request.headers());
        let answer = self.exchange(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
        let answer = Answer::new(status, headers, body, is_conditional);
        Err(Failure::Answered(answer))
    }

    /// Sends a request once, and returns the answer, whatever it says.
    async fn exchange(&self, mut request: HttpRequest) -> Result<Response<Bytes>, Failure> {
        if let Some(authorization) = &self.proxy_authorization {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let limit = limit(&request);
        let answer = timeout(limit, self.client.request(request)).await;
        let (head, body) = answer
            .map_err(|_| late(limit))?
            .map_err(|error| match error.is_connect() {
                true => Failure::unreached(in_full(&error)),
                false => broken(&error),
            })?
            .into_parts();
        Ok(Response::from_parts(head, collect(body).await?))
    }
}

/// Whether a request may be sent again although the first one may have been done, or may
/// still be.
fn can_be_repeated(request: &HttpRequest) -> bool {
    // POST begins and completes objects.
    request.method() != Method::POST && !is_conditional(request.headers())
}

/// Whether a request depends on the state of its object.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    let generation = "x-goog-if-generation-match";
    headers.contains_key(IF_MATCH)
        || headers.contains_key(IF_NONE_MATCH)
        || headers.contains_key(generation)
}

fn limit(request: &HttpRequest) -> Duration {
    let answer = match *request.method() {
        Method::POST => JOINED,
        _ => ANSWER,
    };
    let moved = request.extensions().get::<Moves>();
    let bytes = request.body().content_length() as u64 + moved.map_or(0, |moved| moved.0);
    answer + Duration::from_secs(bytes / SLOWEST)
}

async fn collect(mut body: Incoming) -> Result<Bytes, Failure> {
    let size = body.size_hint().exact().unwrap_or_default();
    // A header is no reason to allocate much.
    let mut bytes = BytesMut::with_capacity(size.min(1 << 20) as usize);
    while let Some(frame) = timeout(STALLED, body.frame())
        .await
        .map_err(|_| late(STALLED))?
    {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes.freeze())
}

fn late(limit: Duration) -> Failure {
    Failure::unanswered(format!("no answer for {} seconds", limit.as_secs()))
}

fn broken(error: &dyn Error) -> Failure {
    Failure::unanswered(in_full(error))
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // With this kind, the crate never retries.
        let kind = HttpErrorKind::Unknown;
        match Self::call(self, request).await {
            Ok(answer) => Ok(answer.map(Into::into)),
            Err(failure) => Err(HttpError::new(kind, failure)),
        }
    }
}

/// Sends requests for credentials: a few, to any server.
#[derive(Debug)]
pub(super) struct Anywhere(pub(super) ClientConfig);

impl Anywhere {
    async fn call(&self, request: HttpRequest) -> Result<Response<Bytes>, Failure> {
        let uri = request.uri();
        if uri.scheme_str() == Some("https") {
            let transport = Transport::new(uri, &self.0).map_err(Failure::unreached)?;
            return transport.exchange(request).await;
        }
        // The metadata of a machine have no TLS.
        let transport = Transport::direct(&self.0);
        let answer = timeout(BESIDE, transport.exchange(request)).await;
        answer
            .unwrap_or_else(|_| Err(late(BESIDE)))
            .map_err(|error| Failure::unreached(format!("{NO_CREDENTIALS} ({error})")))
    }
}

#[async_trait]
impl HttpService for Anywhere {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = HttpErrorKind::Interrupted;
        match Self::call(self, request).await {
            Ok(answer) => Ok(answer.map(Into::into)),
            Err(failure) => Err(HttpError::new(kind, failure)),
        }
    }
}

/// Leaves retries to [`Transport`].
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Retries requests for credentials.
pub(super) fn retries_of_credentials() -> RetryConfig {
    RetryConfig {
        max_retries: PAUSES.len(),
        retry_timeout: RETRIES,
        backoff: BackoffConfig {
            init_backoff: PAUSES[0],
            ..BackoffConfig::default()
        },
    }
}

/// Gives the crate `object_store` its HTTP client.
#[derive(Debug)]
pub(super) struct Connector(HttpClient);

impl Connector {
    pub(super) fn new(service: impl HttpService) -> Self {
        Self(HttpClient::new(service))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(method: Method, bytes: usize, moved: u64) -> u64 {
        let mut request = HttpRequest::new(vec![0; bytes].into());
        *request.method_mut() = method;
        request.extensions_mut().insert(Moves(moved));
        limit(&request).as_secs()
    }

    #[test]
    fn a_limit_grows_with_the_bytes_to_move() {
        assert_eq!(limit_of(Method::GET, 0, 0), 15);
        assert_eq!(limit_of(Method::PUT, 8 << 20, 0), 15 + 128);
        assert_eq!(limit_of(Method::PUT, 0, 5 << 30), 15 + 81_920);
        assert_eq!(limit_of(Method::POST, 0, 0), 300);
    }
}
