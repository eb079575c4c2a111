//! The layer around the core.

mod algorithms;
mod beside;
mod header;
mod trailer;

use bytes::Bytes;
use futures_util::stream;
use http::request::Builder;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tower::{Layer, ServiceExt};

use super::ChecksumLayer;
use crate::protocol::{Body, Error, Length, Metadata, NewUpload, Upload, UploadId};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// The checksum of `hello`.
const HELLO: &str = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
/// The checksum of ` world`.
const WORLD: &str = "sha1 P4InJqDJ+1VmGOnLl/tkL372LW8=";
/// The checksum of no bytes.
const NOTHING: &str = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

/// A store with one upload, behind the layer.
struct Scene {
    store: MemoryStore,
    id: UploadId,
    layer: ChecksumLayer,
}

impl Scene {
    /// Creates an upload and stores `hello` in it.
    async fn new(length: impl Into<Option<u32>>) -> Self {
        let store = MemoryStore::default();
        let new = NewUpload::new(length.into().map(Length::from), Metadata::default());
        let scene = Self {
            id: new.id.clone(),
            layer: ChecksumLayer::new(),
            store,
        };
        scene.store.create(new).await.unwrap();
        let patch = scene.patch(0).body("hello".into()).unwrap();
        assert_eq!(scene.send(patch).await.status(), 204);
        scene
    }

    fn patch(&self, offset: u64) -> Builder {
        Request::patch(format!("/{}", self.id))
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Offset", offset)
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let service = self.layer.layer(Core::new(self.store.clone()));
        service.oneshot(request).await.unwrap()
    }

    async fn upload(&self) -> Upload {
        let upload = self.store.open(&self.id).await.unwrap();
        upload.info().clone()
    }

    fn stored(&self) -> Bytes {
        self.store.bytes(&self.id).unwrap()
    }
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Error>().map_or("", Error::code)
}

/// A body of unknown length.
fn chunked(frames: Vec<Result<Frame<Bytes>, Error>>) -> Body {
    Body::new(StreamBody::new(stream::iter(frames)))
}

fn data(text: &'static str) -> Result<Frame<Bytes>, Error> {
    Ok(Frame::data(text.into()))
}

fn trailers(checksums: &[&'static str]) -> Result<Frame<Bytes>, Error> {
    let mut trailers = HeaderMap::new();
    for checksum in checksums {
        trailers.append("upload-checksum", checksum.parse().unwrap());
    }
    Ok(Frame::trailers(trailers))
}

/// A body that panics if it is polled.
fn untouchable() -> Body {
    let frames = stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Frame<Bytes>, Error>>> {
            panic!("the body was polled")
        },
    );
    Body::new(StreamBody::new(frames))
}
