//! Locks that servers have in common.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower_tus_layers::lock::{Guard, Locker, conformance};
use tower_tus_layers::protocol::Interrupt;

use super::*;
use crate::store::object::{StoreLocker, info::Info, state::State};

const LONG: Duration = Duration::from_secs(20);
const LENGTH: u64 = 20 * PART;

/// Creates the uploads whose locks it is asked for.
#[derive(Debug)]
struct Creating {
    store: ObjectStore,
    locker: StoreLocker,
}

impl Creating {
    async fn create(&self, id: &UploadId) {
        let mut new = new(None);
        new.id = id.clone();
        drop(self.store.create(new).await);
    }
}

#[async_trait]
impl Locker for Creating {
    async fn acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.create(id).await;
        self.locker.acquire(id, interrupt, timeout).await
    }

    async fn observe(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.create(id).await;
        self.locker.observe(id, interrupt, timeout).await
    }

    async fn acquire_new(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
        timeout: Duration,
    ) -> Result<Box<dyn Guard>, Error> {
        self.create(id).await;
        self.locker.acquire_new(id, interrupt, timeout).await
    }

    async fn try_acquire(
        &self,
        id: &UploadId,
        interrupt: Interrupt,
    ) -> Result<Option<Box<dyn Guard>>, Error> {
        self.create(id).await;
        self.locker.try_acquire(id, interrupt).await
    }

    async fn is_held(&self, id: &UploadId) -> Result<bool, Error> {
        self.create(id).await;
        self.locker.is_held(id).await
    }
}

#[tokio::test(start_paused = true)]
async fn it_passes_the_conformance_suite() {
    let store = store(&Bucket::new());
    let locker = store.locker();
    conformance::run(Creating {
        store: store.clone(),
        locker,
    })
    .await;
    // Guards that were dropped are released by tasks.
    sleep(LONG).await;
    assert_eq!(store.desk.len(), 0, "a free lock uses no memory");
}

/// A request that sends bytes to an upload until it is interrupted.
struct Request {
    interrupt: Interrupt,
    frames: mpsc::Sender<Bytes>,
    ended: JoinHandle<Result<u64, Error>>,
}

impl Request {
    async fn begin(store: &ObjectStore, id: &UploadId) -> Self {
        let (interrupt, (frames, received)) = (Interrupt::default(), mpsc::channel(1));
        let guard = acquire(store, id, &interrupt).await.unwrap();
        let mut handle = store.open(id).await.unwrap();
        let sent = stream::unfold((received, interrupt.clone()), next);
        let ended = tokio::spawn(async move {
            let mut body = StreamBody::new(Box::pin(sent));
            let chunk = Chunk::new(&mut body);
            let appended = handle.append(chunk, options(WriteMode::Streaming)).await;
            drop(handle);
            guard.release().await;
            match appended.error.map(Error::from) {
                None | Some(Error::Interrupted) => Ok(appended.offset.get()),
                Some(error) => Err(error),
            }
        });
        Self {
            interrupt,
            frames,
            ended,
        }
    }

    /// Sends the bytes of the upload up to an offset, from its beginning.
    async fn send(&self, to: u64) {
        self.send_from(0, to).await;
    }

    /// Sends more bytes, which follow.
    async fn send_from(&self, from: u64, to: u64) {
        for at in (from..to).step_by(16 << 10) {
            let frame = bytes(at, to.min(at + 16 * KIB));
            self.frames.send(frame).await.unwrap();
        }
    }

    /// Ends the body.
    async fn end(self) -> Result<u64, Error> {
        drop(self.frames);
        self.ended.await.unwrap()
    }
}

type Received = (mpsc::Receiver<Bytes>, Interrupt);

/// Returns the next frame, or the error of the interrupt, as the layer Interrupt does.
async fn next(
    (mut frames, interrupt): Received,
) -> Option<(Result<Frame<Bytes>, Error>, Received)> {
    let frame = tokio::select! {
        biased;
        cause = interrupt.fired() => Err(cause),
        frame = frames.recv() => Ok(Frame::data(frame?)),
    };
    Some((frame, (frames, interrupt)))
}

async fn acquire(
    store: &ObjectStore,
    id: &UploadId,
    interrupt: &Interrupt,
) -> Result<Box<dyn Guard>, Error> {
    store.locker().acquire(id, interrupt.clone(), LONG).await
}

/// Serves a HEAD.
async fn offset(store: &ObjectStore, id: &UploadId) -> u64 {
    let locker = store.locker();
    let guard = locker.observe(id, Interrupt::default(), LONG).await;
    let guard = guard.unwrap();
    let offset = store.open(id).await.unwrap().info().offset.get();
    guard.release().await;
    offset
}

async fn state(store: &ObjectStore, id: &UploadId) -> State {
    let info = Info::read(&*store.objects, &store.keys(id)).await;
    info.unwrap().state
}

/// Returns two servers that share a bucket, and an upload.
async fn servers() -> (Bucket, [ObjectStore; 2], UploadId) {
    let bucket = Bucket::new();
    let servers = [store(&bucket), store(&bucket.again())];
    let id = create(&servers[0], Some(LENGTH)).await.info().id.clone();
    bucket.calls();
    (bucket, servers, id)
}

#[tokio::test(start_paused = true)]
async fn a_lock_costs_a_short_request_no_call() {
    let (bucket, [store, _], id) = servers().await;
    offset(&store, &id).await;
    assert_eq!(bucket.calls(), ["get"], "HEAD");
    let guard = acquire(&store, &id, &Interrupt::default()).await.unwrap();
    let mut handle = store.open(&id).await.unwrap();
    patch(&mut *handle, 4 * KIB, WriteMode::Streaming)
        .await
        .unwrap();
    guard.release().await;
    assert_eq!(bucket.calls(), ["get", "put"], "a PATCH of 4 KiB");
    assert_eq!(store.desk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_swap_takes_the_announcement_back() {
    let (bucket, [store, _], id) = servers().await;
    let request = Request::begin(&store, &id).await;
    request.send(KIB).await;
    sleep(Duration::from_millis(350)).await;
    assert!(state(&store, &id).await.writer.is_some());
    bucket.calls();
    assert_eq!(request.end().await.unwrap(), KIB);
    assert_eq!(bucket.calls(), ["put"]);
    assert_eq!(state(&store, &id).await.writer, None);
    assert_eq!(store.desk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_wrote_nothing_takes_its_announcement_back() {
    let (_bucket, [store, other], id) = servers().await;
    for is_dropped in [false, true] {
        let guard = acquire(&store, &id, &Interrupt::default()).await.unwrap();
        sleep(Duration::from_millis(350)).await;
        assert!(state(&store, &id).await.writer.is_some());
        assert!(other.locker().is_held(&id).await.unwrap());
        let tried = other.locker().try_acquire(&id, Interrupt::default()).await;
        assert!(tried.unwrap().is_none(), "another server writes");
        match is_dropped {
            true => drop(guard),
            false => guard.release().await,
        }
        sleep(Duration::from_millis(1)).await;
        assert_eq!(state(&store, &id).await.writer, None);
        assert!(!other.locker().is_held(&id).await.unwrap());
        assert_eq!(store.desk.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_ends_in_time_for_another_server_which_goes_on_behind_its_bytes() {
    for sent in [0, KIB, 100 * KIB, 3 * PART + 5] {
        let (bucket, [first, second], id) = servers().await;
        let request = Request::begin(&first, &id).await;
        request.send(sent).await;
        sleep(Duration::from_secs(1)).await;
        let begin = Instant::now();
        let interrupt = Interrupt::default();
        let guard = acquire(&second, &id, &interrupt).await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(600));
        assert_eq!(request.ended.await.unwrap().unwrap(), sent);
        let mut handle = second.open(&id).await.unwrap();
        assert_eq!(handle.info().offset.get(), sent, "its bytes are kept");
        patch(&mut *handle, KIB, WriteMode::Streaming)
            .await
            .unwrap();
        guard.release().await;
        assert!(interrupt.cause().is_none());
        go_on(&bucket, &id, LENGTH).await;
        assert_eq!((first.desk.len(), second.desk.len()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_request_keeps_its_announcement_and_all_its_bytes() {
    let (bucket, [store, other], id) = servers().await;
    let request = Request::begin(&store, &id).await;
    let mut at = 0;
    while at < LENGTH {
        request.frames.send(bytes(at, at + 64 * KIB)).await.unwrap();
        at += 64 * KIB;
        sleep(Duration::from_millis(500)).await;
        assert!(other.locker().is_held(&id).await.unwrap(), "{at}");
    }
    assert!(request.interrupt.cause().is_none());
    assert_eq!(request.end().await.unwrap(), LENGTH);
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_writer_renews_its_announcement() {
    let (_bucket, [store, _], id) = servers().await;
    let guard = acquire(&store, &id, &Interrupt::default()).await.unwrap();
    let mut handle = store.open(&id).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let token = state(&store, &id).await.token;
    sleep(Duration::from_secs(30)).await;
    assert_ne!(state(&store, &id).await.token, token);
    let offset = patch(&mut *handle, KIB, WriteMode::Streaming).await;
    assert_eq!(offset.unwrap(), KIB);
    guard.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_server_delays_others_by_less_than_a_second_and_changes_nothing_more() {
    for sent in [0, KIB, 3 * PART + 5] {
        let (bucket, [first, second], id) = servers().await;
        let request = Request::begin(&first, &id).await;
        request.send(sent).await;
        sleep(Duration::from_secs(5)).await;
        let stopped = bucket.stop().await;
        let begin = Instant::now();
        let found = offset(&second, &id).await;
        assert!(begin.elapsed() < Duration::from_secs(1), "HEAD is delayed");
        let before = state(&second, &id).await;
        // It goes on, and ends as if nothing had happened.
        drop(stopped);
        let ended = request.ended.await.unwrap();
        assert!(sent == found || ended.is_err(), "{ended:?}");
        assert_eq!(state(&second, &id).await, before);
        assert_eq!(offset(&second, &id).await, found);
        let clean = bucket.again();
        go_on(&clean, &id, LENGTH).await;
        assert_eq!((first.desk.len(), second.desk.len()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crashed_server_delays_nobody_twice() {
    let (bucket, [first, second], id) = servers().await;
    let _guard = acquire(&first, &id, &Interrupt::default()).await.unwrap();
    sleep(Duration::from_millis(350)).await;
    let _stopped = bucket.stop().await;
    offset(&second, &id).await;
    let begin = Instant::now();
    offset(&second, &id).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_long_enough_gets_a_timeout() {
    let (_bucket, [first, second], id) = servers().await;
    let interrupt = Interrupt::default();
    let _guard = acquire(&first, &id, &interrupt).await.unwrap();
    sleep(Duration::from_millis(350)).await;
    let locker = second.locker();
    let short = Duration::from_millis(500);
    let waited = locker.acquire(&id, Interrupt::default(), short).await;
    assert!(matches!(waited, Err(Error::LockTimeout)), "{waited:?}");
    assert!(interrupt.cause().is_some(), "the writer was asked to end");
    assert_eq!(second.desk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_short_requests_of_two_servers_race_and_the_later_is_refused() {
    let (bucket, [first, second], id) = servers().await;
    let slow = acquire(&first, &id, &Interrupt::default()).await.unwrap();
    let mut slower = first.open(&id).await.unwrap();
    let quick = acquire(&second, &id, &Interrupt::default()).await.unwrap();
    let mut faster = second.open(&id).await.unwrap();
    patch(&mut *faster, KIB, WriteMode::Streaming)
        .await
        .unwrap();
    quick.release().await;
    let refused = patch(&mut *slower, 5, WriteMode::Streaming).await;
    assert!(matches!(refused, Err(Error::MismatchedOffset { .. })));
    slow.release().await;
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_does_not_exist_has_no_lock() {
    let store = store(&Bucket::new());
    let (locker, id) = (store.locker(), UploadId::random());
    let acquired = locker.acquire(&id, Interrupt::default(), LONG).await;
    assert!(matches!(acquired, Err(Error::NotFound)), "{acquired:?}");
    assert_eq!(store.desk.len(), 0);
    let here = locker.acquire_new(&id, Interrupt::default(), LONG).await;
    here.unwrap().release().await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_acquired_after_the_handle_does_not_beat_it() {
    let (_bucket, [store, _], id) = servers().await;
    let mut handle = store.open(&id).await.unwrap();
    let guard = acquire(&store, &id, &Interrupt::default()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let offset = patch(&mut *handle, KIB, WriteMode::Streaming).await;
    assert_eq!(offset.unwrap(), KIB);
    guard.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_termination_under_its_lock_leaves_nothing() {
    let (bucket, [store, _], id) = servers().await;
    let locker = store.locker();
    let guard = locker.acquire_to_terminate(&id, Interrupt::default(), LONG);
    let guard = guard.await.unwrap();
    sleep(Duration::from_secs(1)).await;
    store.terminator().unwrap().terminate(&id).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    guard.release().await;
    assert!(bucket.keys().is_empty(), "{:?}", bucket.keys());
    assert_eq!(store.desk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_long_in_ending_keeps_all_its_bytes() {
    let (bucket, [first, second], id) = servers().await;
    let request = Request::begin(&first, &id).await;
    request.send(2 * PART).await;
    sleep(Duration::from_secs(1)).await;
    bucket.hold_parts();
    request.send_from(2 * PART, 4 * PART + 5).await;
    let begin = Instant::now();
    let waiting = tokio::spawn({
        let (second, id) = (second.clone(), id.clone());
        async move { offset(&second, &id).await }
    });
    sleep(Duration::from_secs(5)).await;
    assert!(request.interrupt.cause().is_some(), "it was asked to end");
    bucket.let_parts_go();
    assert_eq!(request.ended.await.unwrap().unwrap(), 4 * PART + 5);
    assert_eq!(waiting.await.unwrap(), 4 * PART + 5, "its bytes are kept");
    assert!(begin.elapsed() < Duration::from_secs(6));
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_stopped_while_it_ends_is_not_waited_for() {
    let (bucket, [first, second], id) = servers().await;
    let interrupt = Interrupt::default();
    let _guard = acquire(&first, &id, &interrupt).await.unwrap();
    sleep(Duration::from_millis(350)).await;
    let waiting = tokio::spawn({
        let (second, id) = (second.clone(), id.clone());
        async move { offset(&second, &id).await }
    });
    sleep(Duration::from_secs(10)).await;
    assert!(interrupt.cause().is_some(), "it was asked to end");
    assert!(!waiting.is_finished(), "it shows that it is ending");
    let _stopped = bucket.stop().await;
    let begin = Instant::now();
    waiting.await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_writer_hears_at_its_own_swap_that_it_is_wanted() {
    let (bucket, [first, second], id) = servers().await;
    let request = Request::begin(&first, &id).await;
    request.send(KIB).await;
    sleep(Duration::from_millis(350)).await;
    let waiting = tokio::spawn({
        let (second, id) = (second.clone(), id.clone());
        async move { offset(&second, &id).await }
    });
    while !state(&second, &id).await.wanted {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(
        request.interrupt.cause().is_none(),
        "nobody has told it yet"
    );
    // The first part claims its number by a swap.
    request.send_from(KIB, PART).await;
    tokio::task::yield_now().await;
    let begin = Instant::now();
    request.interrupt.fired().await;
    assert!(begin.elapsed() < Duration::from_millis(50));
    let kept = request.ended.await.unwrap().unwrap();
    assert_eq!(waiting.await.unwrap(), kept);
    let found = state(&second, &id).await;
    assert_eq!((found.writer, found.wanted), (None, false));
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn two_servers_that_wait_for_a_stopped_one_go_on_one_after_the_other() {
    let (bucket, [first, second], id) = servers().await;
    let third = store(&bucket.again());
    let _guard = acquire(&first, &id, &Interrupt::default()).await.unwrap();
    sleep(Duration::from_millis(350)).await;
    let _stopped = bucket.stop().await;
    let begin = Instant::now();
    let write = |store: ObjectStore| {
        let id = id.clone();
        tokio::spawn(async move {
            let guard = acquire(&store, &id, &Interrupt::default()).await?;
            let mut handle = store.open(&id).await?;
            let ended = patch(&mut *handle, KIB, WriteMode::Streaming).await;
            guard.release().await;
            ended
        })
    };
    let (one, other) = (write(second), write(third));
    let ended = [one.await.unwrap(), other.await.unwrap()];
    assert!(begin.elapsed() < Duration::from_secs(2));
    let answered = ended.iter().filter_map(|it| it.as_ref().ok()).max();
    let found = state(&store(&bucket.again()), &id).await;
    assert_eq!(Some(&found.offset()), answered, "{ended:?}");
    go_on(&bucket.again(), &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_while_a_lock_is_acquired_or_held_damages_nothing() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Slow, Fault::Busy] {
        let mut calls = 0;
        loop {
            let (bucket, [_, other], id) = servers().await;
            let faulty = bucket.again();
            let writer = store(&faulty);
            faulty.fail(calls, fault);
            let request = Request::begin(&writer, &id).await;
            request.send(PART + KIB).await;
            sleep(Duration::from_secs(2)).await;
            let found = offset(&other, &id).await;
            let ended = request.ended.await.unwrap();
            assert!(
                ended.as_ref().is_ok_and(|&end| end == found) || ended.is_err(),
                "{fault:?} {calls}: {ended:?}, {found}"
            );
            let left = state(&other, &id).await;
            assert_eq!(
                (left.writer, left.wanted),
                (None, false),
                "{fault:?} {calls}"
            );
            go_on(&bucket, &id, LENGTH).await;
            if !faulty.has_failed() {
                break;
            }
            calls += 1;
        }
        assert!(calls > 4, "{fault:?}: {calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_termination_asks_nobody_of_its_own_server_to_end() {
    let (_bucket, [store, _], id) = servers().await;
    let interrupt = Interrupt::default();
    let locker = store.locker();
    let guard = locker.acquire_to_terminate(&id, interrupt.clone(), LONG);
    let guard = guard.await.unwrap();
    store.terminator().unwrap().terminate(&id).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(interrupt.cause().is_none(), "it is over by itself");
    guard.release().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_its_lock_opens_the_upload_as_it_is_now() {
    let (bucket, [first, second], id) = servers().await;
    let guard = acquire(&first, &id, &Interrupt::default()).await.unwrap();
    sleep(Duration::from_millis(350)).await;
    let stopped = bucket.stop().await;
    let other = acquire(&second, &id, &Interrupt::default()).await.unwrap();
    let mut handle = second.open(&id).await.unwrap();
    patch(&mut *handle, KIB, WriteMode::Streaming)
        .await
        .unwrap();
    other.release().await;
    drop(stopped);
    sleep(Duration::from_secs(1)).await;
    let opened = first.open(&id).await.unwrap();
    assert_eq!(opened.info().offset.get(), KIB);
    guard.release().await;
}
