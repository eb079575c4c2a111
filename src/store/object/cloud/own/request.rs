use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde::de::DeserializeOwned;

use crate::store::object::cloud::failure::{Answer, Failure};
use crate::store::object::cloud::transport::{Moves, Transport, is_conditional};
use crate::store::object::cloud::xml;
use crate::store::object::objects::{ObjectError, Result};

/// Sends requests of our own.
pub(in crate::store::object::cloud) struct Own {
    pub(super) bucket: String,
    signer: Box<dyn Sign>,
    transport: Transport,
}

/// Makes requests valid.
#[async_trait]
pub(in crate::store::object::cloud) trait Sign:
    Send + Sync
{
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Signed>;
}

/// The URL of a request, and its headers.
pub(in crate::store::object::cloud) type Signed = (Uri, HeaderMap);

/// A request that nobody has signed yet.
#[derive(Debug)]
pub(in crate::store::object::cloud) struct Unsigned<'a> {
    pub(in crate::store::object::cloud) method: Method,
    /// The key of the object, or nothing for the bucket.
    pub(in crate::store::object::cloud) key: &'a str,
    pub(in crate::store::object::cloud) query: Vec<(&'static str, String)>,
    pub(in crate::store::object::cloud) headers: HeaderMap,
    body: Bytes,
    moves: u64,
}

impl<'a> Unsigned<'a> {
    pub(in crate::store::object::cloud) fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            moves: 0,
        }
    }

    pub(in crate::store::object::cloud) fn query(
        mut self,
        name: &'static str,
        value: &(impl ToString + ?Sized),
    ) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(in crate::store::object::cloud) fn header(
        mut self,
        name: HeaderName,
        value: &str,
    ) -> Result<Self> {
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|error| ObjectError::Invalid(error.into()))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    pub(in crate::store::object::cloud) fn body(self, body: String) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    pub(in crate::store::object::cloud) fn len(&self) -> usize {
        self.body.len()
    }

    /// Tells how many bytes the server moves for the request.
    pub(in crate::store::object::cloud) fn moves(self, moves: u64) -> Self {
        Self { moves, ..self }
    }
}

impl Own {
    pub(in crate::store::object::cloud) fn new(
        bucket: &str,
        signer: impl Sign + 'static,
        transport: Transport,
    ) -> Self {
        Self {
            bucket: bucket.to_owned(),
            signer: Box::new(signer),
            transport,
        }
    }

    /// Sends a request, and parses the answer.
    pub(in crate::store::object::cloud) async fn ask<T: DeserializeOwned>(
        &self,
        request: Unsigned<'_>,
    ) -> Result<T> {
        let answer = self.ask_for_all(request).await?;
        Ok(answer.into_body())
    }

    /// The same, with the headers of the answer.
    pub(super) async fn ask_for_all<T: DeserializeOwned>(
        &self,
        request: Unsigned<'_>,
    ) -> Result<Response<T>> {
        let is_conditional = is_conditional(&request.headers);
        let answer = self.send(request).await?;
        let parsed = parse(&answer, is_conditional)?;
        Ok(answer.map(|_| parsed))
    }

    /// Sends a request, and returns an answer without an error.
    pub(in crate::store::object::cloud) async fn send(
        &self,
        request: Unsigned<'_>,
    ) -> Result<Response<Bytes>> {
        let (uri, headers) = self.signer.sign(&request).await?;
        let len = request.body.len();
        let mut sent = Request::new(request.body.into());
        *sent.method_mut() = request.method;
        *sent.uri_mut() = uri;
        *sent.headers_mut() = headers;
        sent.headers_mut().insert(CONTENT_LENGTH, len.into());
        sent.extensions_mut().insert(Moves(request.moves));
        Ok(self.transport.call(sent).await?)
    }
}

/// Parses an answer, which is an error even where its status is 200 if the error came
/// after the server had begun to answer.
fn parse<T: DeserializeOwned>(answer: &Response<Bytes>, is_conditional: bool) -> Result<T> {
    let error = match xml::parse(answer.body()) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => error,
    };
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let named = Answer::new(status, answer.headers(), answer.body(), is_conditional);
    Err(match named.code.is_empty() {
        true => ObjectError::Unknown(error),
        false => Failure::Answered(with_status(named)).into(),
    })
}

/// Gives an error the status that it has elsewhere.
fn with_status(mut answer: Answer) -> Answer {
    answer.status = match &*answer.code {
        "PreconditionFailed" => StatusCode::PRECONDITION_FAILED,
        "ConditionalRequestConflict" | "OperationAborted" => StatusCode::CONFLICT,
        "NoSuchKey" | "NoSuchUpload" => StatusCode::NOT_FOUND,
        "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" => StatusCode::BAD_REQUEST,
        "SlowDown" => StatusCode::SERVICE_UNAVAILABLE,
        _ => answer.status,
    };
    answer
}

/// Leaves secrets out.
impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}
