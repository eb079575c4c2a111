//! M: passes what it reads to the multipart writer of the crate `object_store`.
//!
//! It leaves out: checks of any kind, the state of an upload, ids that cannot be guessed,
//! locks, and bytes of a body that ends early. Parts are as large, and as many at once, as in
//! `tower-tusd`. Memory has no limit but this.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt, WriteMultipart};

use super::answer::{Response, answer, created, id};
use crate::Result;
use crate::gateway::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY};

const PART: usize = 8 << 20;
const PARTS_AT_ONCE: usize = 4;

#[derive(Debug)]
pub(crate) struct Multipart {
    bucket: AmazonS3,
    next: AtomicU64,
}

impl Multipart {
    pub(super) fn new(endpoint: &str) -> Result<Self> {
        let bucket = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(endpoint)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_region(REGION)
            .with_allow_http(true)
            .with_http_connector(Hyper::new())
            .build()?;
        Ok(Self {
            bucket,
            next: AtomicU64::new(0),
        })
    }

    pub(super) async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        match *request.method() {
            Method::POST => {
                let id = self.next.fetch_add(1, Ordering::Relaxed);
                created(&format!("{id:032x}"), None)
            }
            Method::PATCH => self.write(request).await,
            _ => answer(StatusCode::METHOD_NOT_ALLOWED, []),
        }
    }

    async fn write(&self, request: hyper::Request<Incoming>) -> Result<Response> {
        let key = Path::from(id(request.uri().path()));
        let upload = self.bucket.put_multipart(&key).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let (mut body, mut offset) = (request.into_body(), 0);
        while let Some(frame) = body.frame().await {
            let data = frame?.into_data().unwrap_or_default();
            writer.wait_for_capacity(PARTS_AT_ONCE).await?;
            offset += data.len();
            writer.put(data);
        }
        writer.finish().await?;
        answer(
            StatusCode::NO_CONTENT,
            [("upload-offset", offset.to_string())],
        )
    }
}

/// Sends the requests of the crate by hyper.
#[derive(Clone, Debug)]
struct Hyper(Client<Tcp, HttpRequestBody>);

impl Hyper {
    fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl HttpConnector for Hyper {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Hyper {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let unknown = |error| HttpError::new(HttpErrorKind::Unknown, error);
        let (head, body) = self.0.request(request).await.map_err(unknown)?.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        Ok(http::Response::from_parts(head, body.to_bytes().into()))
    }
}
