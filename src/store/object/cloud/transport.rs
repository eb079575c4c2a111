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
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use rustls::ClientConfig;
use tokio::time::{Instant, sleep, timeout};
use tower_tus_layers::protocol::BoxError;

use super::failure::{Answer, Failure};
use crate::http_client::{Client, Connect, Proxy, connector, http1, in_full};
use crate::store::object::objects::note_retries;

/// Time until an answer begins, for a request without a body.
const ANSWER: Duration = Duration::from_secs(15);

/// The same, where the server has to join parts first.
const JOINED: Duration = Duration::from_secs(300);

/// Bytes per second that a slow link transfers at least.
const SLOWEST: u64 = 64 << 10;

/// Time in which the body of an answer goes on.
const STALLED: Duration = Duration::from_secs(30);

/// Time before each retry.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Time after which no retry begins.
pub(super) const RETRIES: Duration = Duration::from_secs(10);

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
    pub(super) fn direct(tls: &ClientConfig) -> Self {
        Self {
            client: http1(connector(Connect::Direct, tls.clone())),
            proxy_authorization: None,
        }
    }

    /// Sends a request, and again after a brief failure if this does no harm.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<Response<Bytes>, Failure> {
        let begun = Instant::now();
        let is_harmless = is_harmless(&request);
        for pause in PAUSES {
            match self.attempt(request.clone()).await {
                Err(failure)
                    if failure.is_brief()
                        && (is_harmless || failure.is_unsent())
                        && begun.elapsed() < RETRIES =>
                {
                    sleep(pause).await;
                    note_retries(1);
                }
                result => return result,
            }
        }
        self.attempt(request).await
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
    pub(super) async fn exchange(
        &self,
        mut request: HttpRequest,
    ) -> Result<Response<Bytes>, Failure> {
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

/// Whether it does no harm to send a request again that may have been done, or may still
/// be.
fn is_harmless(request: &HttpRequest) -> bool {
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

pub(super) fn late(limit: Duration) -> Failure {
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
