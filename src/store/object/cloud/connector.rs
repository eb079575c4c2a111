//! The HTTP clients that the crate `object_store` gets.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use rustls::ClientConfig;
use tokio::time::timeout;

use super::failure::Failure;
use super::transport::{PAUSES, RETRIES, Transport, late};

/// Time for an answer of a server that is part of this machine.
const BESIDE: Duration = Duration::from_secs(3);

const NO_CREDENTIALS: &str = "no credentials are in variables or files, and no metadata \
                              server gives some";

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
