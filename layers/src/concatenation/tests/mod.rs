//! The layer's responses, and the state that it leaves.

mod ending;
mod pending;
mod races;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::request::{Builder, Parts};
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use super::ConcatenationLayer;
use crate::context::{Context, context};
use crate::gate::Gate;
use crate::lock::{Locker, MemoryLocker};
use crate::protocol::{
    BaseUrl, Body, Concat, Error, Interrupt, Length, Metadata, NewUpload, Outcome, Role, Target,
    Upload, UploadId,
};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// The layer around a core, inside locks.
#[derive(Clone, Default)]
struct Uploads {
    store: MemoryStore,
    locker: MemoryLocker,
    unfinished: bool,
    max: Option<u64>,
    gate: Option<Arc<dyn Gate>>,
}

impl Uploads {
    fn unfinished() -> Self {
        Self {
            unfinished: true,
            ..Self::default()
        }
    }

    async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        let locker = Arc::new(self.locker.clone());
        let core = Core::new(self.store.clone());
        let layer = ConcatenationLayer::new(Arc::clone(core.store()), locker);
        let layer = layer.lock_timeout(Duration::from_millis(20));
        let layer = match self.unfinished {
            true => layer.unfinished(),
            false => layer,
        };
        if let Some(max) = self.max {
            Context::of_mut(request.extensions_mut()).set_max_size(max);
        }
        if let Some(gate) = &self.gate {
            Context::of_mut(request.extensions_mut()).add_gate(Arc::clone(gate));
        }
        let (request, body) = request.into_parts();
        // Like the Lock layer.
        let guard = match Context::target(&request) {
            Ok(Target::Upload(id)) if request.method != Method::GET => {
                let (interrupt, long) = (Interrupt::default(), Duration::from_secs(20));
                self.locker.acquire(&id, interrupt, long).await.ok()
            }
            _ => None,
        };
        let request = Request::from_parts(request, body);
        let response = layer.layer(core).oneshot(request).await.unwrap();
        drop(guard);
        response
    }

    async fn ask(&self, request: Builder) -> Response<Body> {
        self.send(request.body(Body::default()).unwrap()).await
    }

    /// Creates a partial of five bytes and stores `text` in it.
    async fn partial(&self, text: &'static str) -> UploadId {
        let request = post("partial").header("Upload-Length", "5");
        let id = created(&self.ask(request).await);
        self.append(&id, 0, text).await;
        id
    }

    async fn append(&self, id: &UploadId, offset: u64, text: &'static str) -> Response<Body> {
        let response = self.send(patch(id, offset).body(text.into()).unwrap());
        let response = response.await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        response
    }

    /// Creates a final of these parts.
    async fn join(&self, parts: &[&UploadId]) -> Response<Body> {
        self.ask(post(&list(parts))).await
    }

    async fn head(&self, id: &UploadId) -> Response<Body> {
        self.ask(on(Method::HEAD, id)).await
    }

    async fn delete(&self, id: &UploadId) -> Response<Body> {
        self.ask(on(Method::DELETE, id)).await
    }

    async fn info(&self, id: &UploadId) -> Upload {
        self.store.open(id).await.unwrap().info().clone()
    }

    fn bytes(&self, id: &UploadId) -> String {
        let bytes = self.store.bytes(id).unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }

    fn exists(&self, id: &UploadId) -> bool {
        self.store.bytes(id).is_some()
    }
}

fn on(method: Method, id: &UploadId) -> Builder {
    Request::builder().method(method).uri(format!("/{id}"))
}

fn post(concat: &str) -> Builder {
    Request::post("/").header("Upload-Concat", concat)
}

fn patch(id: &UploadId, offset: u64) -> Builder {
    on(Method::PATCH, id)
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", offset)
}

fn list(parts: &[&UploadId]) -> String {
    let urls: Vec<_> = parts.iter().map(|part| format!("/{part}")).collect();
    format!("final;{}", urls.join(" "))
}

fn outcome(response: &Response<Body>) -> &Outcome {
    response.extensions().get().expect("the core was reached")
}

#[track_caller]
fn created(response: &Response<Body>) -> UploadId {
    assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
    outcome(response).upload.id.clone()
}

#[track_caller]
fn is_refused(response: &Response<Body>, status: u16, code: &str) {
    let error = response.extensions().get::<Error>();
    assert_eq!(error.map_or("", Error::code), code);
    assert_eq!(response.status(), status);
    assert!(!response.headers().contains_key("location"));
}

#[tokio::test]
async fn cat_05_a_final_has_the_bytes_of_its_parts_in_their_order() {
    let uploads = Uploads::default();
    let (a, b) = (
        uploads.partial("hello").await,
        uploads.partial("world").await,
    );
    for (parts, text) in [
        ([&a, &b], "helloworld"),
        ([&b, &a], "worldhello"),
        ([&a, &a], "hellohello"),
    ] {
        let response = uploads.join(&parts).await;
        assert_eq!(response.headers()["upload-concat"], list(&parts), "CAT-17");
        assert!(outcome(&response).finished);
        let id = created(&response);
        assert_eq!(uploads.bytes(&id), text, "CAT-09");

        let head = uploads.head(&id).await;
        assert_eq!(head.headers()["upload-offset"], "10", "CAT-13");
        assert_eq!(head.headers()["upload-length"], "10", "CAT-04");
        assert_eq!(head.headers()["upload-concat"], list(&parts), "CAT-16");
    }
    let head = uploads.head(&a).await;
    assert_eq!(head.headers()["upload-offset"], "5", "CAT-11, CAT-14");
    assert_eq!(head.headers()["upload-concat"], "partial", "CAT-02, CAT-16");
}

#[tokio::test]
async fn cat_18_urls_are_absolute_or_relative_and_echoed_as_they_came() {
    let uploads = Uploads::default();
    let (a, b) = (
        uploads.partial("hello").await,
        uploads.partial("world").await,
    );
    for text in [
        format!("final;http://example.com/{a} https://EXAMPLE.com:8080/{b}"),
        format!("final;//example.com/{a} /{b}?x=y"),
        format!("final;{a} {b}"),
        format!("final;  /{a}   /{b} "),
    ] {
        let request = post("replaced").header("Host", "example.com");
        let mut request = request.body(Body::default()).unwrap();
        let value = text.parse().unwrap();
        request.headers_mut().insert("Upload-Concat", value);
        let response = uploads.send(request).await;
        assert_eq!(response.headers()["upload-concat"], text, "CAT-17");
        let id = created(&response);
        assert_eq!(uploads.bytes(&id), "helloworld", "{text}");
        let head = uploads.head(&id).await;
        assert_eq!(head.headers()["upload-concat"], text, "CAT-16");
    }
}

/// Creates a final of one part, by the URL that a client uses behind a proxy that
/// strips a prefix.
async fn join_at(uploads: &Uploads, base: &BaseUrl, url: &str) -> Response<Body> {
    let request = post(&format!("final;{url}")).header("Host", "h");
    uploads
        .ask(request.extension(context(|it| it.set_base_url(base.clone()))))
        .await
}

#[tokio::test]
async fn parts_are_found_behind_a_proxy_that_strips_a_prefix() {
    let mut uploads = Uploads::default();
    let part = uploads.partial("hello").await;
    let base = BaseUrl::new("http://h/files/");
    for url in [
        format!("http://h/api/files/{part}"),
        format!("/api/v1/files/{part}"),
        format!("//h/files/files/{part}/"),
        format!("/uploads/{part}?x"),
    ] {
        created(&join_at(&uploads, &base, &url).await);
    }
    let other = format!("https://proxy.example/api/files/{part}");
    let response = join_at(&uploads, &base, &other).await;
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
    created(&join_at(&uploads, &base.clone().of_any_host(), &other).await);

    let whole = Request::post("/").header("Upload-Length", "0");
    let whole = created(&uploads.ask(whole).await);
    let url = format!("/api/files/{whole}");
    let response = join_at(&uploads, &base, &url).await;
    is_refused(&response, 400, "ERR_INVALID_CONCAT");

    uploads.gate = Some(Arc::new(Private(part.as_str().chars().next().unwrap())));
    let response = join_at(&uploads, &base, &format!("/api/files/{part}")).await;
    is_refused(&response, 404, "ERR_UPLOAD_NOT_FOUND");
}

#[tokio::test]
async fn of_several_suffixes_the_longest_counts_that_the_client_may_use() {
    let mut uploads = Uploads::default();
    for id in ["b/c", "x/b", "c"] {
        let mut new = NewUpload::new(
            Some(Length::saturating(id.len() as u64)),
            Metadata::default(),
        );
        new.id = id.parse().unwrap();
        new.concat = Some(Concat::new(Role::Partial { awaited_by: vec![] }, None));
        uploads.store.create(new).await.unwrap();
        uploads.append(&id.parse().unwrap(), 0, id).await;
    }
    let base = BaseUrl::new("/files/");
    let id = created(&join_at(&uploads, &base, "/up/a/b/c").await);
    assert_eq!(uploads.bytes(&id), "b/c");
    uploads.gate = Some(Arc::new(Private('b')));
    let id = created(&join_at(&uploads, &base, "/up/a/b/c").await);
    assert_eq!(uploads.bytes(&id), "c");
}

#[tokio::test]
async fn cat_07_no_metadata_is_inherited() {
    let uploads = Uploads::default();
    let request = post("partial").header("Upload-Metadata", "name cGFydA==");
    let part = created(&uploads.ask(request.header("Upload-Length", "0")).await);
    for metadata in [None, Some("name d2hvbGU=")] {
        let request = post(&list(&[&part]));
        let request = metadata.iter().fold(request, |request, metadata| {
            request.header("Upload-Metadata", *metadata)
        });
        let id = created(&uploads.ask(request).await);
        let head = uploads.head(&id).await;
        let told = head.headers().get("upload-metadata");
        assert_eq!(told.map(|value| value.to_str().unwrap()), metadata);
    }
}

#[tokio::test]
async fn cat_01_it_announces_what_its_store_can() {
    /// A store without concatenation.
    #[derive(Debug)]
    struct Plain(MemoryStore);

    #[async_trait]
    impl Store for Plain {
        async fn create(
            &self,
            new: crate::protocol::NewUpload,
        ) -> Result<Box<dyn crate::store::Handle>, Error> {
            self.0.create(new).await
        }

        async fn open(&self, id: &UploadId) -> Result<Box<dyn crate::store::Handle>, Error> {
            self.0.open(id).await
        }
    }

    let locker = Arc::new(MemoryLocker::default());
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let plain: Arc<dyn Store> = Arc::new(Plain(MemoryStore::default()));
    let layer = |store: &Arc<dyn Store>| ConcatenationLayer::new(store.clone(), locker.clone());
    for (store, layer, expected) in [
        (&memory, layer(&memory), &["concatenation"][..]),
        (
            &memory,
            layer(&memory).unfinished(),
            &["concatenation", "concatenation-unfinished"],
        ),
        (&plain, layer(&plain).unfinished(), &[]),
    ] {
        let service = layer.layer(Core::shared(store.clone()));
        let options = Request::options("/").body(Body::default()).unwrap();
        let response = service.clone().oneshot(options).await.unwrap();
        let lines = response.headers().get_all("tus-extension").iter();
        let lines = lines.filter(|line| line.as_bytes().starts_with(b"concat"));
        assert_eq!(lines.collect::<Vec<_>>(), expected, "CUF-01");

        let partial = post("partial").header("Upload-Length", "5");
        let response = service.oneshot(partial.body(Body::default()).unwrap());
        match expected {
            [] => is_refused(
                &response.await.unwrap(),
                400,
                "ERR_CONCATENATION_UNSUPPORTED",
            ),
            _ => drop(created(&response.await.unwrap())),
        }
    }
}

/// A gate that hides uploads whose id begins with this letter.
#[derive(Debug)]
struct Private(char);

#[async_trait]
impl Gate for Private {
    async fn opened(
        &self,
        _: &Parts,
        upload: &Upload,
        _: crate::protocol::Action,
    ) -> Result<(), Error> {
        match upload.id.as_str().starts_with(self.0) {
            true => Err(Error::NotFound),
            false => Ok(()),
        }
    }
}
