//! Many requests at once, and counts of the store among them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::task::{JoinSet, yield_now};
use tower_tus_layers::async_trait;
use tower_tus_layers::protocol::{FinishState, Interrupt};
use tower_tus_layers::store::{Concatenator, Lister, Page, Terminator};

use super::*;

/// A memory store each of whose steps has moments before and after its effect, and
/// which lists few uploads at once.
#[derive(Clone, Debug, Default)]
struct Slow {
    store: MemoryStore,
    random: Arc<AtomicU64>,
}

impl Slow {
    fn seeded(seed: u64) -> Self {
        let random = Arc::new(AtomicU64::new(seed));
        Self {
            store: MemoryStore::default(),
            random,
        }
    }

    fn random(&self, below: u64) -> u64 {
        let step = |x: u64| Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let x = self
            .random
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        (x.unwrap() >> 33) % below
    }

    async fn moments(&self) {
        for _ in 0..self.random(4) {
            yield_now().await;
        }
    }

    async fn slowly<T>(&self, step: impl Future<Output = T>) -> T {
        self.moments().await;
        let done = step.await;
        self.moments().await;
        done
    }

    fn handle(&self, handle: Box<dyn Handle>) -> Box<dyn Handle> {
        let store = self.clone();
        Box::new(SlowHandle { handle, store })
    }

    /// Returns the sum of what is stored right now.
    async fn stored(&self) -> u64 {
        let all = ListRequest::default().limit(usize::MAX);
        let page = Lister::list(&self.store, &all).await.unwrap();
        page.uploads.iter().map(charge).sum()
    }
}

#[async_trait]
impl Store for Slow {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        if self.random(8) == 0 {
            self.moments().await;
            return Err(Error::internal("the disk fails"));
        }
        let created = self.slowly(self.store.create(new)).await?;
        Ok(self.handle(created))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let opened = self.slowly(self.store.open(id)).await?;
        Ok(self.handle(opened))
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }
}

#[async_trait]
impl Terminator for Slow {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.slowly(Terminator::terminate(&self.store, id)).await
    }
}

#[async_trait]
impl Concatenator for Slow {
    async fn concatenate(
        &self,
        new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let made = Concatenator::concatenate(&self.store, new, interrupt);
        self.slowly(made).await
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        self.slowly(Concatenator::assemble(&self.store, id, interrupt))
            .await
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        Concatenator::await_part(&self.store, part, id).await
    }
}

#[async_trait]
impl Lister for Slow {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        let few = request.clone().limit(3);
        self.slowly(Lister::list(&self.store, &few)).await
    }
}

#[derive(Debug)]
struct SlowHandle {
    handle: Box<dyn Handle>,
    store: Slow,
}

#[async_trait]
impl Handle for SlowHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, mut chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        loop {
            self.store.moments().await;
            let (mut one, error) = match chunk.next_data().await {
                Some(Ok(data)) => (Body::from(data), None),
                Some(Err(error)) => (Body::default(), Some(error)),
                None => return Appended::new(self.info().offset, Ok(())),
            };
            let appended = self
                .handle
                .append(Chunk::new(&mut one), options.clone())
                .await;
            if let Some(error) = error {
                let error = tower_tus_layers::store::AppendError::Body(error);
                return Appended::new(appended.offset, Err(error));
            }
        }
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        self.store.moments().await;
        self.handle.declare_length(length).await?;
        self.store.moments().await;
        Ok(())
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.handle.record(finishing).await
    }
}

/// A body of some frames of some bytes.
struct Frames(u64, usize);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return std::task::Poll::Ready(None);
        };
        self.0 = left;
        let data = Bytes::from(vec![0; self.1]);
        std::task::Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

/// Creates, fills and removes uploads.
async fn live(store: Limited, below: Slow, rounds: usize) {
    for _ in 0..rounds {
        let deferred = below.random(2) == 0;
        let length = (!deferred).then(|| 1 + below.random(20));
        let Ok(upload) = create(&store, length).await else {
            continue;
        };
        let mut handle = store.open(&upload.id).await.unwrap();
        let mut frames = match length {
            Some(length) => Frames(length, 1),
            None => Frames(below.random(6), 1 + below.random(4) as usize),
        };
        let chunk = Chunk::new(&mut frames);
        let _ = handle.append(chunk, AppendOptions::default()).await;
        if deferred && below.random(2) == 0 {
            let length = handle.info().offset.get() + below.random(10);
            let _ = handle.declare_length(Length::saturating(length)).await;
        }
        if below.random(3) == 0 {
            let mut new = NewUpload::new(None, Metadata::EMPTY);
            let parts = vec![upload.id.clone(), upload.id.clone()];
            let pending = false;
            new.concat = Some(Concat::new(Role::Final { parts, pending }, None));
            let concatenator = store.concatenator().unwrap();
            let interrupt = Interrupt::default();
            if let Ok(made) = concatenator.concatenate(new, &interrupt).await {
                terminate(&store, &made.info().id).await.unwrap();
            }
        }
        if below.random(4) > 0 {
            terminate(&store, &upload.id).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_each_moment_the_account_covers_what_is_stored_whatever_is_counted_meanwhile() {
    const LIMIT: u64 = 150;
    for seed in 0..40 {
        let below = Slow::seeded(seed);
        let store = Limited::new(below.clone()).total(LIMIT);
        let mut running = JoinSet::new();
        for _ in 0..12 {
            running.spawn(live(store.clone(), below.clone(), 12));
        }
        let counting = store.clone();
        let counts = tokio::spawn(async move {
            loop {
                counting.count().await.unwrap();
                yield_now().await;
            }
        });
        store.count().await.unwrap();
        while !running.is_empty() {
            while let Some(done) = running.try_join_next() {
                done.unwrap();
            }
            // Nothing runs between these two lines.
            let (account, stored) = (store.usage().total, below.stored().await);
            assert!(stored <= account, "seed {seed}: {stored} > {account}");
            assert!(account <= LIMIT, "seed {seed}: {account}");
            yield_now().await;
        }
        counts.abort();
        let _ = counts.await;
        let account = store.usage().total;
        assert_eq!(account, below.stored().await, "seed {seed}");
        assert_eq!(account, store.count().await.unwrap().total);
        assert!(store.ledger.is_at_rest(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uploads_that_race_for_the_last_bytes_none_passes_the_limit() {
    const LIMIT: u64 = 1_000;
    for round in 0..20 {
        let below = MemoryStore::default();
        let store = Limited::new(below.clone())
            .total(LIMIT)
            .per_owner_key(700, "owner");
        create(&store, LIMIT - 100).await.unwrap();
        let mut racing = JoinSet::new();
        for n in 0..64_u64 {
            let store = store.clone();
            racing.spawn(async move {
                let length = (n % 2 == 0).then_some(7);
                let upload = create(&store, length).await.ok()?;
                let mut handle = store.open(&upload.id).await.unwrap();
                let mut frames = Frames(7, 1);
                let chunk = Chunk::new(&mut frames);
                let appended = handle.append(chunk, AppendOptions::default()).await;
                assert!(store.usage().total <= LIMIT);
                Some(appended.offset)
            });
        }
        let mut stored = 0;
        while let Some(done) = racing.join_next().await {
            stored += done.unwrap().map_or(0, |offset| offset.get());
            let all = ListRequest::default();
            let listed = Lister::list(&below, &all).await.unwrap();
            let charged: u64 = listed.uploads.iter().map(charge).sum();
            assert!(charged <= LIMIT, "round {round}: {charged}");
        }
        // Each last byte is taken, too, unless only uploads with a length were left.
        assert!((90..=100).contains(&stored), "round {round}: {stored}");
        total(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_that_does_not_fit_takes_no_room_from_one_that_does() {
    let store = limited(100);
    create(&store, 50).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let refused = tokio::spawn({
        let (store, is_over) = (store.clone(), Arc::clone(&is_over));
        async move {
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(code(create(&store, 60).await), FULL);
                yield_now().await;
            }
        }
    });
    for _ in 0..10_000 {
        let upload = create(&store, 40).await.unwrap();
        terminate(&store, &upload.id).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    refused.await.unwrap();
}
