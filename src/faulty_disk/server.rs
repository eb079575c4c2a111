//! A server on a simulated disk, and a client.

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_tus_layers::protocol::Body;

use crate::fs::sim::Disk;
use crate::store::file::Durability;
use crate::{FileLocker, FileStore, Stack, TusService};

/// The whole upload.
pub(super) const WHOLE: &str = "hello world";

/// A server whose uploads are on a simulated disk.
pub(super) struct Server(TusService);

/// What a client gets.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` if it ended early.
    pub(super) body: Option<Bytes>,
}

impl Server {
    /// Starts a server on `disk`.
    pub(super) fn start(disk: &Disk, durability: Durability) -> Self {
        let store = FileStore::new(disk.root().join("uploads")).durability(durability);
        let locker = FileLocker::beside(&store);
        let stack = Stack::new(store).locker(locker);
        Self(stack.into_service())
    }

    /// Sends a request of a tus client.
    pub(super) async fn ask(&self, request: Builder, body: &'static str) -> Answer {
        self.send(request.header("Tus-Resumable", "1.0.0"), body)
            .await
    }

    async fn send(&self, request: Builder, body: &'static str) -> Answer {
        let request = request.body(Body::from(body));
        let request = request.expect("the request is well formed");
        let response = self.0.clone().oneshot(request).await;
        let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
        // A download may end early.
        let body = body.collect().await.map(|body| body.to_bytes());
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.ok(),
        }
    }

    /// Creates an upload, on a disk that works.
    pub(super) async fn create(&self, length: usize) -> String {
        let created = self
            .ask(creation().header("Upload-Length", length), "")
            .await;
        created.location().expect("the disk works")
    }

    pub(super) async fn append(&self, url: &str, offset: usize, bytes: &'static str) -> Answer {
        self.ask(append(url, offset), bytes).await
    }

    pub(super) async fn head(&self, url: &str) -> Answer {
        self.ask(request(Method::HEAD, url), "").await
    }

    /// Downloads an upload.
    pub(super) async fn get(&self, url: &str) -> Answer {
        self.send(request(Method::GET, url), "").await
    }

    pub(super) async fn delete(&self, url: &str) -> Answer {
        self.ask(request(Method::DELETE, url), "").await
    }
}

impl Answer {
    pub(super) fn location(&self) -> Option<String> {
        Some(self.headers.get("location")?.to_str().ok()?.to_owned())
    }

    pub(super) fn offset(&self) -> Option<usize> {
        let offset = self.headers.get("upload-offset")?.to_str().ok()?;
        Some(offset.parse().expect("an offset is a number"))
    }
}

pub(super) fn request(method: Method, url: &str) -> Builder {
    Request::builder().method(method).uri(url)
}

pub(super) fn creation() -> Builder {
    request(Method::POST, "/files/")
}

pub(super) fn append(url: &str, offset: usize) -> Builder {
    request(Method::PATCH, url)
        .header("Upload-Offset", offset)
        .header("Content-Type", "application/offset+octet-stream")
}
