//! The counts of what is stored.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle as Runtime;
use tokio::sync::{RwLock, Semaphore};
use tokio::time::{Instant, sleep};
use tower_tus_layers::async_trait;
use tower_tus_layers::store::{Lister, Page, Terminator};

use super::*;

/// A memory store whose lists wait for permits, or fail. It opens nothing while somebody
/// writes to `opens`.
#[derive(Clone, Debug)]
struct Gated {
    store: MemoryStore,
    gate: Arc<Semaphore>,
    failure: Arc<Mutex<Option<Error>>>,
    lists: Arc<AtomicUsize>,
    opens: Arc<RwLock<()>>,
}

impl Gated {
    fn new() -> Self {
        Self {
            store: MemoryStore::default(),
            gate: Arc::new(Semaphore::new(0)),
            failure: Arc::default(),
            lists: Arc::default(),
            opens: Arc::default(),
        }
    }
}

#[async_trait]
impl Store for Gated {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.store.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let _opens = self.opens.read().await;
        self.store.open(id).await
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.store.terminator()
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }
}

#[async_trait]
impl Lister for Gated {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        self.gate.acquire().await.unwrap().forget();
        self.lists.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = self.failure.lock().unwrap().clone() {
            return Err(error);
        }
        Lister::list(&self.store, request).await
    }
}

#[tokio::test(start_paused = true)]
async fn until_the_first_count_creations_wait_and_all_else_works() {
    let below = Gated::new();
    let known = create(&below.store, 10).await.unwrap();
    let deferred = create(&below.store, None).await.unwrap();
    let gone = create(&below.store, 30).await.unwrap();
    let store = Limited::new(below.clone()).total(40);
    store.start();

    append(&store, &known.id, 10, WriteMode::Streaming)
        .await
        .error
        .ok_or(())
        .unwrap_err();
    terminate(&store, &gone.id).await.unwrap();
    let begun = Instant::now();
    assert_eq!(code(create(&store, 10).await), "ERR_SERVER_BUSY");
    let grown = append(&store, &deferred.id, 10, WriteMode::Streaming).await;
    assert_eq!(grown.error.unwrap().error().code(), "ERR_SERVER_BUSY");
    assert!(begun.elapsed() < Duration::from_secs(60));

    let waiting = tokio::spawn({
        let store = store.clone();
        async move { create(&store, 30).await }
    });
    sleep(Duration::from_millis(1)).await;
    below.gate.add_permits(1);
    waiting.await.unwrap().unwrap();
    below.gate.add_permits(100);
    assert_eq!(total(&store).await, 40);
}

#[tokio::test(start_paused = true)]
async fn a_creation_with_the_id_of_an_upload_hinders_no_request_for_it() {
    let below = Gated::new();
    below.gate.add_permits(100);
    let id = create(&below.store, None).await.unwrap().id;
    let store = Limited::new(below.clone()).total(40);
    store.count().await.unwrap();
    let mut handle = store.open(&id).await.unwrap();

    let opens = below.opens.write().await;
    let creating = tokio::spawn({
        let (store, mut new) = (store.clone(), NewUpload::new(None, Metadata::EMPTY));
        new.id = id;
        async move { store.create(new).await.map(drop) }
    });
    // It is looking for the upload.
    sleep(Duration::from_millis(1)).await;
    let mut body = Body::from("hello");
    let appended = handle.append(Chunk::new(&mut body), AppendOptions::default());
    assert!(appended.await.error.is_none());
    drop(opens);
    assert_eq!(code(creating.await.unwrap()), "ERR_UPLOAD_EXISTS");
    assert_eq!(total(&store).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_first_count_that_fails_is_repeated_and_creations_get_its_error_meanwhile() {
    let below = Gated::new();
    below.gate.add_permits(100);
    let gone = Error::StorageUnavailable(Arc::new(std::io::Error::other("not mounted")));
    *below.failure.lock().unwrap() = Some(gone);
    let store = Limited::new(below.clone()).total(10);
    assert_eq!(code(create(&store, 1).await), "ERR_STORAGE_UNAVAILABLE");
    *below.failure.lock().unwrap() = None;
    while create(&store, 1).await.is_err() {
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(total(&store).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_others_remove_is_found_by_a_count_that_a_full_store_asks_for() {
    let below = MemoryStore::default();
    let store = Limited::new(below.clone()).total(10);
    let upload = create(&store, 10).await.unwrap();
    Terminator::terminate(&below, &upload.id).await.unwrap();
    let begun = Instant::now();
    assert_eq!(code(create(&store, 10).await), FULL);
    while create(&store, 10).await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    // And one that others add, by the next regular count.
    create(&below, 5).await.unwrap();
    assert_eq!(store.usage().total, 10);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(total(&store).await, 15);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_full_is_not_counted_all_the_time() {
    let below = Gated::new();
    below.gate.add_permits(10_000);
    let store = Limited::new(below.clone()).total(10);
    create(&store, 10).await.unwrap();
    for _ in 0..1_000 {
        create(&store, 10).await.unwrap_err();
        sleep(Duration::from_millis(100)).await;
    }
    let lists = below.lists.load(Ordering::Relaxed);
    assert!((15..=22).contains(&lists), "{lists} in 100 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_in_the_middle_leaves_an_account_that_is_corrected() {
    let below = MemoryStore::default();
    let store = Limited::new(below.clone()).total(10);
    let upload = create(&store, None).await.unwrap();
    let mut handle = store.open(&upload.id).await.unwrap();
    {
        let mut stalls = Stalls(Some("hello"));
        let append = handle.append(Chunk::new(&mut stalls), AppendOptions::default());
        let stopped = tokio::time::timeout(Duration::from_secs(1), append).await;
        assert!(stopped.is_err());
    }
    assert_eq!(store.usage().total, 5);
    assert!(store.ledger.is_at_rest());
    Terminator::terminate(&below, &upload.id).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(store.usage().total, 0);
}

/// A body that sends some bytes and then nothing.
struct Stalls(Option<&'static str>);

impl http_body::Body for Stalls {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Error>>> {
        match self.0.take() {
            Some(text) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(text.into())))),
            None => std::task::Poll::Pending,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_two_requests_change_at_once_is_busy() {
    let store = limited(10);
    let upload = create(&store, None).await.unwrap();
    let mut handle = store.open(&upload.id).await.unwrap();
    let mut stalls = Stalls(Some("hello"));
    let mut append = handle.append(Chunk::new(&mut stalls), AppendOptions::default());
    let polled = tokio::time::timeout(Duration::from_secs(1), &mut append).await;
    assert!(polled.is_err());
    let second = super::append(&store, &upload.id, 1, WriteMode::Streaming).await;
    assert_eq!(second.error.unwrap().error().code(), "ERR_SERVER_BUSY");
    assert_eq!(code(terminate(&store, &upload.id).await), "ERR_SERVER_BUSY");
    drop(append);
    terminate(&store, &upload.id).await.unwrap();
    assert_eq!(total(&store).await, 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_uploads_and_owners_leave_nothing_behind() {
    let store = limited(1_000).per_owner_key(1_000, "owner");
    for n in 0..10_000 {
        let upload = create_of(&store, &format!("owner {n}"), 100).await.unwrap();
        terminate(&store, &upload.id).await.unwrap();
    }
    assert_eq!(
        store.usage(),
        Usage {
            limit: Some(1_000),
            ..Usage::default()
        }
    );
    assert!(store.ledger.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn the_task_that_counts_ends_with_the_last_clone() {
    let store = limited(10);
    create(&store, 1).await.unwrap();
    let alive = || Runtime::current().metrics().num_alive_tasks();
    assert_eq!(alive(), 1);
    drop(store);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_creation_under_an_id_that_is_taken_does_not_hide_the_upload_from_a_count() {
    let below = Gated::new();
    below.gate.add_permits(1);
    let store = Limited::new(below.clone()).total(100);
    let mut new = NewUpload::new(Some(Length::from(40)), Metadata::EMPTY);
    new.id = "chosen".parse().unwrap();
    store.create(new.clone()).await.unwrap();
    let counting = tokio::spawn({
        let store = store.clone();
        async move { store.count().await }
    });
    sleep(Duration::from_millis(1)).await;
    assert_eq!(code(store.create(new).await), "ERR_UPLOAD_EXISTS");
    below.gate.add_permits(100);
    assert_eq!(counting.await.unwrap().unwrap().total, 40);
    assert_eq!(total(&store).await, 40);
}
