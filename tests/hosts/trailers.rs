//! Request trailers reach the body that the store reads.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tower_tus::Stack;
use tower_tus::layers::protocol::{Chunk, Error, FinishState, NewUpload, Upload, UploadId};
use tower_tus::layers::store::{AppendOptions, Appended, Handle, MemoryStore, Store};

use crate::host;
use crate::table::uploads;
use crate::tus::{Content, patch};

fn with_trailers(data: &'static str, trailers: HeaderMap) -> Content {
    let frames = [Frame::data(Bytes::from(data)), Frame::trailers(trailers)];
    StreamBody::new(futures_util::stream::iter(frames.map(Ok))).boxed()
}

/// The checksum of `world`.
const WORLD: &str = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";

#[tokio::test]
async fn ctr_01_a_checksum_may_come_behind_the_bytes() {
    for host in host::all() {
        for (bytes, checksum, status) in [
            ("world", WORLD, 204),
            ("World", WORLD, 460),
            ("world", "sha3 AAAA", 400),
        ] {
            let mut trailers = HeaderMap::new();
            trailers.insert("upload-checksum", checksum.parse().unwrap());
            let store = uploads().await;
            let peer = host.host(Stack::new(store.clone()));
            let request = patch("/files/part", 5).header("Trailer", "Upload-Checksum");
            let body = with_trailers(bytes, trailers);
            let answer = peer.send(request.body(body).unwrap()).await;
            assert_eq!(answer.status(), status, "{host}: {bytes} is {checksum}");
            let stored = store.bytes(&"part".parse().unwrap()).unwrap();
            let expected = if status == 204 { "helloworld" } else { "hello" };
            assert_eq!(stored, expected, "{host}: CHK-07");
        }
    }
}

#[tokio::test]
async fn trailers_reach_the_body_that_the_store_reads() {
    let mut trailers = HeaderMap::new();
    trailers.insert("upload-checksum", WORLD.parse().unwrap());
    for host in host::all() {
        let store = Watched::new(uploads().await);
        let seen = Arc::clone(&store.seen);
        let peer = host.host(Stack::new(store));
        let request = patch("/files/part", 5).header("Trailer", "Upload-Checksum");
        let body = with_trailers("world", trailers.clone());
        let answer = peer.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{host}");
        assert_eq!(answer.headers()["upload-offset"], "10", "{host}");
        assert_eq!(*seen.lock().unwrap(), trailers, "{host}");
    }
}

/// A store that records the trailers it receives.
#[derive(Debug)]
struct Watched {
    store: MemoryStore,
    seen: Arc<Mutex<HeaderMap>>,
}

impl Watched {
    fn new(store: MemoryStore) -> Self {
        Self {
            store,
            seen: Arc::default(),
        }
    }

    fn watch(&self, handle: Box<dyn Handle>) -> Box<dyn Handle> {
        Box::new(WatchedHandle {
            handle,
            seen: Arc::clone(&self.seen),
        })
    }
}

#[async_trait]
impl Store for Watched {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        Ok(self.watch(self.store.create(new).await?))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Ok(self.watch(self.store.open(id).await?))
    }
}

#[derive(Debug)]
struct WatchedHandle {
    handle: Box<dyn Handle>,
    seen: Arc<Mutex<HeaderMap>>,
}

#[async_trait]
impl Handle for WatchedHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let mut chunk = chunk.map_frame(|frame| {
            if let Some(trailers) = frame.trailers_ref() {
                self.seen.lock().unwrap().clone_from(trailers);
            }
            frame
        });
        self.handle.append(Chunk::new(&mut chunk), options).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.handle.record(finishing).await
    }
}
