//! A stack in memory, and the uploads that a request can name.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::request::{Builder, Parts};
use http::{HeaderValue, Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_tus::layers::protocol::{Concat, Role, Shutdown};
use tower_tus::{
    AppendOptions, BaseUrlLayer, Body, Chunk, Error, Gate, Length, MemoryStore, Metadata,
    NewUpload, Stack, Store, TusLayer, async_trait,
};

use crate::promises::{Elsewhere, Kept, Promises};

/// The maximum size of an upload.
pub(crate) const MAX_SIZE: u64 = 4096;

/// The maximum size of the metadata in bytes, and in pairs.
pub(crate) const MAX_METADATA: usize = 1 << 10;
pub(crate) const MAX_PAIRS: usize = 20;

/// A finished upload, whose bytes nobody can change.
pub(crate) const FINISHED: (&str, &str) = ("done", "hello world");

/// What else there is: the id, the length, the bytes, and whether it is partial.
const UPLOADS: &[(&str, Option<u32>, &str, Kind)] = &[
    (FINISHED.0, Some(11), FINISHED.1, Kind::Alone),
    ("new", Some(10), "", Kind::Alone),
    ("half", Some(10), "hello", Kind::Alone),
    ("long", None, "abc", Kind::Alone),
    ("p1", Some(3), "abc", Kind::Partial),
    ("p2", Some(2), "de", Kind::Partial),
    ("p/3", Some(4), "fg", Kind::Partial),
    ("p4", None, "", Kind::Partial),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alone,
    Partial,
}

/// Uploads in memory, and a service that watches whether all promises are kept.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) shutdown: Shutdown,
    promises: Promises,
    uploads: TusLayer,
}

impl World {
    /// Without uploads.
    pub(crate) fn empty() -> Self {
        Self::of(|stack| stack)
    }

    /// Without uploads, and with more settings.
    pub(crate) fn of(set: impl FnOnce(Stack) -> Stack) -> Self {
        let (store, shutdown, promises) = (
            MemoryStore::default(),
            Shutdown::default(),
            Promises::default(),
        );
        let stack = Stack::new(store.clone())
            .max_size(MAX_SIZE)
            .max_concat_parts(4)
            .max_metadata_size(MAX_METADATA)
            .max_metadata_pairs(MAX_PAIRS)
            .base_url(BaseUrlLayer::from_request("/files/").trust_forwarded())
            .unfinished_concatenation()
            .add_gate(Names::default())
            .add_gate(promises.clone())
            .shutdown(shutdown.clone());
        Self {
            store,
            shutdown,
            promises,
            uploads: set(stack).into_layer(),
        }
    }

    /// With all uploads that a corpus names.
    pub(crate) async fn full() -> Self {
        let world = Self::empty();
        for &(id, length, bytes, kind) in UPLOADS {
            let mut new = NewUpload::new(length.map(Length::from), Metadata::EMPTY);
            new.id = id.parse().expect("it is an id");
            new.concat = (kind == Kind::Partial).then(partial);
            let mut upload = world.store.create(new).await.expect("the id is free");
            let mut body = Body::from(bytes);
            let chunk = Chunk::new(&mut body);
            let appended = upload.append(chunk, AppendOptions::default()).await;
            assert_eq!(appended.offset.get(), bytes.len() as u64);
            world.promises.add(&upload.info().id);
        }
        world
    }

    /// Everything that answers a request, with the uploads in front of nothing.
    pub(crate) fn service(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static {
        ServiceBuilder::new()
            .layer_fn(|inner| Kept::new(inner, self.promises.clone()))
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(self.uploads.clone())
            .service(Elsewhere)
    }

    /// Sends one request.
    pub(crate) async fn ask(&self, request: Builder, body: impl Into<Body>) -> Response<Body> {
        let request = request.body(body.into()).expect("the request is valid");
        let Ok(response) = self.service().oneshot(request).await;
        response
    }

    /// Panics if a promise was broken.
    pub(crate) async fn check(&self) {
        self.promises.check(&self.store).await;
    }

    /// The bytes of an upload, if it exists.
    pub(crate) fn bytes(&self, id: &str) -> Option<Bytes> {
        self.store.bytes(&id.parse().ok()?)
    }
}

fn partial() -> Concat {
    let awaited_by = Vec::new();
    let raw = HeaderValue::from_static("partial");
    Concat::new(Role::Partial { awaited_by }, Some(raw))
}

/// Names new uploads, so that later requests can name them too: as the metadata says,
/// or `n1`, `n2` and so on.
#[derive(Debug, Default)]
struct Names(Arc<AtomicU32>);

#[async_trait]
impl Gate for Names {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        // A hook may have named it.
        if !upload.is_fresh() {
            return Ok(());
        }
        let chosen = upload.metadata.get_str("id").map(str::parse);
        upload.id = match chosen {
            Some(Ok(id)) => id,
            _ => {
                let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
                format!("n{number}").parse().expect("it is an id")
            }
        };
        Ok(())
    }
}

/// A creation of an upload of this length.
pub(crate) fn create(length: &str) -> Builder {
    Request::post("/files/")
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", length)
}

/// A question for the state of the upload at a URL.
pub(crate) fn head(url: &str) -> Builder {
    Request::head(url).header("Tus-Resumable", "1.0.0")
}

/// A change of an upload without bytes.
pub(crate) fn patch(id: &str) -> Builder {
    Request::patch(format!("/files/{id}"))
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Offset", "0")
        .header("Content-Type", "application/offset+octet-stream")
}
