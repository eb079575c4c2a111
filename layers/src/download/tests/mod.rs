//! Responses to GET.

mod broken;
mod conditions;
mod described;
mod elsewhere;
mod ranges;
mod whole;

use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use headers::{HeaderMapExt, IfModifiedSince, IfUnmodifiedSince, LastModified};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

use super::DownloadLayer;
use crate::context::Context;
use crate::gate::Gate;
use crate::protocol::{
    Action, Body, Chunk, Concat, Error, FinishState, Length, Metadata, NewUpload, Offset, Outcome,
    Role, Upload, UploadId,
};
use crate::service::Core;
use crate::store::{AppendOptions, Content, Handle, MemoryStore, Reader, Store};

const TEXT: &str = "hello world";
const SECOND: Duration = Duration::from_secs(1);

async fn append(store: &impl Store, id: &UploadId, text: &'static str) {
    let mut handle = store.open(id).await.unwrap();
    let mut body = Body::from(text);
    let appended = handle
        .append(Chunk::new(&mut body), AppendOptions::default())
        .await;
    assert!(appended.error.is_none());
}

/// Creates an upload of eleven bytes and stores `text` in it.
async fn upload(store: &impl Store, metadata: &[(&str, &str)], text: &'static str) -> UploadId {
    let metadata = Metadata::from_pairs(metadata.iter().copied()).unwrap();
    let new = NewUpload::new(Some(Length::saturating(TEXT.len() as u64)), metadata);
    let id = store.create(new).await.unwrap().info().id.clone();
    append(store, &id, text).await;
    id
}

fn ask(id: &UploadId) -> Request<Body> {
    Request::get(format!("/{id}"))
        .body(Body::default())
        .unwrap()
}

async fn get(store: &(impl Store + Clone), id: &UploadId, asked: HeaderMap) -> Response<Body> {
    let mut request = ask(id);
    *request.headers_mut() = asked;
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store.clone()));
    service.oneshot(request).await.unwrap()
}

fn with<const N: usize>(headers: [(&'static str, &str); N]) -> HeaderMap {
    let headers = headers.map(|(name, value)| {
        let value = value.parse().unwrap();
        (HeaderName::from_static(name), value)
    });
    headers.into_iter().collect()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// Returns the body, and checks its length against the head.
async fn text(response: Response<Body>) -> String {
    let told = header(&response, "content-length").parse().ok();
    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), told.or(Some(0)));
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, told.unwrap_or(0));
    String::from_utf8(bytes.into()).unwrap()
}
