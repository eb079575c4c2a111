//! Clients that stall, and stores so slow that clients appear to.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use h2::Reason;
use http::{Method, StatusCode};
use tempfile::tempdir;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tower_tus::Stack;
use tower_tus::layers::protocol::{
    Body, Chunk, Error, FinishState, Length, Metadata, NewUpload, Upload, UploadId,
};
use tower_tus::layers::store::{AppendError, AppendOptions, Appended, Handle, MemoryStore, Store};
use tower_tus::store::FileStore;

use crate::harness::host::host;
use crate::harness::patient;
use crate::harness::raw::{Ends, Http1, Http2};
use crate::harness::tus::{Tus, Version, patch, request, streamed};

const TIMEOUT: Duration = Duration::from_millis(500);

/// The response to a client that stalled.
const TOO_SLOW: &str = "ERR_READ_TIMEOUT: timeout while reading request body\n";

/// Creates an upload without bytes.
async fn upload(store: &impl Store) -> UploadId {
    let new = NewUpload::new(Some(Length::from(11)), Metadata::default());
    store.create(new).await.unwrap().info().id.clone()
}

/// Returns the offset of an upload.
async fn offset(store: &impl Store, id: &UploadId) -> usize {
    let upload = store.open(id).await.unwrap();
    upload.info().offset.get().try_into().unwrap()
}

async fn http1_is_cut(store: impl Store + Clone) {
    let stack = Stack::new(store.clone()).idle_timeout(TIMEOUT);
    let address = host(stack.into_service()).await;
    for sent in ["", "hello"] {
        let id = upload(&store).await;
        let mut client = Http1::connect(address).await;
        let headers = [
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Content-Length", "11".to_owned()),
            ("Upload-Offset", "0".to_owned()),
        ];
        let begin = Instant::now();
        client.head(&format!("PATCH /files/{id}"), &headers).await;
        client.send(sent.as_bytes()).await;
        let head = client.answer().await;
        assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
        assert!(begin.elapsed() >= TIMEOUT);
        // The client reads until the connection ends.
        assert_eq!(client.rest().await, TOO_SLOW);
        assert_eq!(offset(&store, &id).await, sent.len(), "CORE-31");
    }
}

async fn http2_is_cut(store: impl Store + Clone) {
    let stack = Stack::new(store.clone()).idle_timeout(TIMEOUT);
    let address = host(stack.into_service()).await;
    let mut client = Http2::connect(address).await;
    for sent in ["", "hello"] {
        let id = upload(&store).await;
        let url = format!("http://{address}/files/{id}");
        let begin = Instant::now();
        let append = patch(&url, 0).body(()).unwrap();
        let mut stream = client.begin(append, Ends::Later).await;
        stream.send(Bytes::from(sent), Ends::Later).await;
        let answer = patient(&mut stream.answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(begin.elapsed() >= TIMEOUT);
        let text = patient(answer.into_body().data()).await.unwrap().unwrap();
        assert_eq!(text, TOO_SLOW);
        assert_eq!(stream.is_reset().await, Reason::NO_ERROR);
        assert_eq!(offset(&store, &id).await, sent.len(), "CORE-31");

        // Other requests on the connection are not affected.
        let inspect = request(Method::HEAD, &url).body(()).unwrap();
        let answer = client.begin(inspect, Ends::Here).await.answer().await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn core_30_a_stalled_client_of_http_1_is_told_so_and_cut() {
    http1_is_cut(MemoryStore::default()).await;
    let home = tempdir().unwrap();
    http1_is_cut(FileStore::new(home.path())).await;
}

#[tokio::test]
async fn core_30_a_stalled_request_of_http_2_is_answered_and_reset() {
    http2_is_cut(MemoryStore::default()).await;
    let home = tempdir().unwrap();
    http2_is_cut(FileStore::new(home.path())).await;
}

/// A store that gathers available bytes, and takes longer to write them than a
/// client may pause. It adds a permit after each write.
#[derive(Clone, Debug)]
struct Slow {
    store: MemoryStore,
    written: Arc<Semaphore>,
}

#[async_trait]
impl Store for Slow {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.store.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Ok(Box::new(SlowHandle {
            handle: self.store.open(id).await?,
            written: Arc::clone(&self.written),
        }))
    }
}

#[derive(Debug)]
struct SlowHandle {
    handle: Box<dyn Handle>,
    written: Arc<Semaphore>,
}

#[async_trait]
impl Handle for SlowHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, mut chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        loop {
            let (mut batch, ended) = gather(&mut chunk).await;
            sleep(TIMEOUT * 2).await;
            let mut appended = self
                .handle
                .append(Chunk::new(&mut batch), options.clone())
                .await;
            self.written.add_permits(1);
            if let Some(ended) = ended {
                appended.error = ended.err().map(AppendError::Body);
                return appended;
            }
        }
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.handle.record(finishing).await
    }
}

/// Waits for bytes, and returns all that are available, with the end of the
/// chunk if it was reached.
async fn gather(chunk: &mut Chunk<'_>) -> (Body, Option<Result<(), Error>>) {
    let mut batch = BytesMut::new();
    let ended = poll_fn(|cx| {
        loop {
            match chunk.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => batch.extend_from_slice(&data),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
                Poll::Pending if batch.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(None),
            }
        }
    });
    let ended = ended.await;
    (batch.freeze().into(), ended)
}

async fn a_slow_store_is_not_the_clients_fault(version: Version) {
    let store = Slow {
        store: MemoryStore::default(),
        written: Arc::new(Semaphore::new(0)),
    };
    let stack = Stack::new(store.clone()).idle_timeout(TIMEOUT);
    let address = host(stack.into_service()).await;
    let id = upload(&store).await;
    let tus = Tus::new(&format!("http://{address}/files/"), version);

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let url = format!("{}{id}", tus.url);
    let append = tokio::spawn(async move { tus.append(&url, 0, streamed(frames)).await });
    for text in ["hello", " ", "world"] {
        sender.send(Bytes::from(text)).unwrap();
        // The client sends more only now; by then the body has paused for too
        // long.
        let written = patient(store.written.acquire()).await;
        written.expect("it is never closed").forget();
    }
    drop(sender);
    let answer = append.await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(store.store.bytes(&id).unwrap(), "hello world");
}

#[tokio::test]
async fn a_store_that_is_slow_for_longer_than_the_timeout_does_not_end_an_upload_of_http_1() {
    a_slow_store_is_not_the_clients_fault(Version::Http1).await;
}

#[tokio::test]
async fn a_store_that_is_slow_for_longer_than_the_timeout_does_not_end_an_upload_of_http_2() {
    a_slow_store_is_not_the_clients_fault(Version::Http2).await;
}
