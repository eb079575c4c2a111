//! Uploads that are removed to make room for others.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_tus_layers::async_trait;
use tower_tus_layers::lock::{Locker, MemoryLocker};
use tower_tus_layers::protocol::{Clock, Interrupt};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{Lister, Terminator};
use tower_tus_layers::uploads::Uploads;

use super::super::Evict;
use super::*;

/// A memory store in which each upload is a second younger than the one before.
fn aging() -> MemoryStore {
    let now = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH));
    MemoryStore::with_clock(Clock::from_fn(move || {
        let mut now = now.lock().unwrap();
        *now += Duration::from_secs(1);
        *now
    }))
}

/// Creates an upload of which the creation is long ago: its age is that of its bytes.
async fn begin(store: &dyn Store, owner: &str, length: u64, bytes: usize) -> UploadId {
    let metadata = Metadata::from_pairs([("owner", owner)]).unwrap();
    let mut new = NewUpload::new(Some(Length::saturating(length)), metadata);
    new.created = SystemTime::UNIX_EPOCH;
    let id = new.id.clone();
    store.create(new).await.unwrap();
    append(store, &id, bytes, WriteMode::Streaming)
        .await
        .error
        .ok_or(())
        .unwrap_err();
    id
}

/// Lets the store make room, as long as the result lives.
fn evicting(store: &Limited, evict: Evict, locker: &MemoryLocker) -> Arc<Uploads> {
    let core = Core::new(store.clone());
    let (shared, locker) = (Arc::clone(core.store()), Arc::new(locker.clone()));
    let uploads = Arc::new(Uploads::new(core, shared, locker, Duration::ZERO));
    store.evict_through(&uploads, evict);
    uploads
}

async fn exists(store: &dyn Store, id: &UploadId) -> bool {
    store.open(id).await.is_ok()
}

#[tokio::test]
async fn the_oldest_unfinished_upload_makes_room_and_no_other() {
    let locker = MemoryLocker::default();
    let store = Limited::new(aging()).total(100);
    let _uploads = evicting(&store, Evict::OldestUnfinished, &locker);
    let finished = begin(&store, "a", 20, 20).await;
    let first = begin(&store, "a", 30, 10).await;
    let second = begin(&store, "a", 30, 10).await;
    let third = begin(&store, "a", 20, 10).await;
    // Active again: now the second one is the oldest.
    append(&store, &first, 1, WriteMode::Streaming)
        .await
        .error
        .ok_or(())
        .unwrap_err();

    create(&store, 10).await.unwrap();
    assert!(!exists(&store, &second).await);
    for id in [&finished, &first, &third] {
        assert!(exists(&store, id).await);
    }
    assert_eq!(total(&store).await, 80);
    // What can never fit removes nothing, and neither does what fits.
    assert_eq!(code(create(&store, 101).await), TOO_LARGE);
    create(&store, 20).await.unwrap();
    assert_eq!(total(&store).await, 100);
    // All that are unfinished do not suffice.
    assert_eq!(code(create(&store, 81).await), FULL);
    assert!(exists(&store, &finished).await);
}

#[tokio::test]
async fn complete_uploads_are_only_removed_where_they_are_named_and_last() {
    let store = Limited::new(aging()).total(100);
    let _uploads = evicting(&store, Evict::OldestFinished, &MemoryLocker::default());
    let old = begin(&store, "a", 40, 40).await;
    let new = begin(&store, "a", 40, 40).await;
    let unfinished = begin(&store, "a", 20, 10).await;
    create(&store, 20).await.unwrap();
    assert!(!exists(&store, &unfinished).await && exists(&store, &old).await);
    let last = begin(&store, "a", 40, 40).await;
    assert!(exists(&store, &new).await && exists(&store, &last).await);
    assert!(!exists(&store, &old).await);
}

#[tokio::test]
async fn an_upload_that_is_held_is_never_removed() {
    let locker = MemoryLocker::default();
    let store = Limited::new(aging()).total(100);
    let _uploads = evicting(&store, Evict::OldestUnfinished, &locker);
    let held = begin(&store, "a", 50, 10).await;
    let other = begin(&store, "a", 50, 10).await;
    let interrupt = Interrupt::default();
    let guard = locker
        .acquire(&held, interrupt.clone(), Duration::ZERO)
        .await;
    create(&store, 50).await.unwrap();
    assert!(exists(&store, &held).await && !exists(&store, &other).await);
    assert!(interrupt.cause().is_none(), "nobody is interrupted");
    guard.unwrap().release().await;
}

#[tokio::test]
async fn at_the_limit_of_an_owner_only_that_owners_uploads_are_removed() {
    let store = Limited::new(aging()).per_owner_key(50, "owner");
    let _uploads = evicting(&store, Evict::OldestUnfinished, &MemoryLocker::default());
    let of_bob = begin(&store, "bob", 50, 10).await;
    let of_alice = begin(&store, "alice", 50, 10).await;
    create_of(&store, "alice", 10).await.unwrap();
    assert!(exists(&store, &of_bob).await && !exists(&store, &of_alice).await);
}

#[tokio::test]
async fn a_deferred_upload_that_grows_makes_room_and_is_not_removed_itself() {
    let store = Limited::new(aging()).total(100);
    let _uploads = evicting(&store, Evict::OldestUnfinished, &MemoryLocker::default());
    let growing = create(&store, None).await.unwrap();
    append(&store, &growing.id, 10, WriteMode::Streaming)
        .await
        .error
        .ok_or(())
        .unwrap_err();
    let other = begin(&store, "a", 90, 10).await;
    let appended = append(&store, &growing.id, 50, WriteMode::Streaming).await;
    assert!(appended.error.is_none());
    assert!(!exists(&store, &other).await);
    assert_eq!(total(&store).await, 60);
    let appended = append(&store, &growing.id, 41, WriteMode::Streaming).await;
    assert_eq!(appended.offset, 100);
    assert!(appended.error.is_some() && exists(&store, &growing.id).await);
}

#[tokio::test]
async fn a_part_that_a_pending_final_needs_is_not_removed() {
    let store = Limited::new(aging()).total(100);
    let _uploads = evicting(&store, Evict::OldestUnfinished, &MemoryLocker::default());
    let mut parts = Vec::new();
    for _ in 0..2 {
        let mut new = NewUpload::new(Some(Length::from(40)), Metadata::EMPTY);
        new.concat = Some(Concat::new(Role::Partial { awaited_by: vec![] }, None));
        parts.push(store.create(new).await.unwrap().info().id.clone());
    }
    let [needed, free] = [parts[0].clone(), parts[1].clone()];
    let mut new = NewUpload::new(None, Metadata::EMPTY);
    let role = Role::Final {
        parts: vec![needed.clone()],
        pending: true,
    };
    new.concat = Some(Concat::new(role, None));
    let waiting = store.create(new).await.unwrap().info().id.clone();
    let concatenator = store.concatenator().unwrap();
    concatenator.await_part(&needed, &waiting).await.unwrap();
    create(&store, 60).await.unwrap();
    assert!(exists(&store, &needed).await && !exists(&store, &free).await);
    assert!(exists(&store, &waiting).await);
}

#[tokio::test]
async fn without_a_policy_nothing_is_removed() {
    let store = limited(100);
    let upload = begin(&store, "a", 100, 10).await;
    assert_eq!(code(create(&store, 1).await), FULL);
    assert!(exists(&store, &upload).await);
}

#[tokio::test]
async fn when_the_handle_is_dropped_a_full_store_refuses() {
    let store = Limited::new(aging()).total(100);
    let uploads = evicting(&store, Evict::OldestUnfinished, &MemoryLocker::default());
    let upload = begin(&store, "a", 100, 10).await;
    drop(uploads);
    assert_eq!(code(create(&store, 1).await), FULL);
    assert!(exists(&store, &upload).await);
}

/// A memory store whose terminations wait for permits.
#[derive(Debug)]
struct Gated {
    store: MemoryStore,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Store for Gated {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.store.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.store.open(id).await
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        self.store.lister()
    }
}

#[async_trait]
impl Terminator for Gated {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.gate.acquire().await.unwrap().forget();
        self.store.terminator().unwrap().terminate(id).await
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_need_room_at_once_share_what_one_removal_makes() {
    let (store, gate) = (aging(), Arc::new(Semaphore::new(0)));
    let store = Gated {
        store,
        gate: Arc::clone(&gate),
    };
    let store = Limited::new(store).total(100);
    let _uploads = evicting(&store, Evict::OldestUnfinished, &MemoryLocker::default());
    let first = begin(&store, "a", 50, 10).await;
    let second = begin(&store, "a", 50, 10).await;
    let mut creating = JoinSet::new();
    for _ in 0..5 {
        let store = store.clone();
        creating.spawn(async move { create(&store, 10).await });
    }
    // Time passes once all of them wait.
    tokio::time::sleep(Duration::from_millis(1)).await;
    gate.add_permits(100);
    while let Some(created) = creating.join_next().await {
        created.unwrap().unwrap();
    }
    assert!(!exists(&store, &first).await && exists(&store, &second).await);
    assert_eq!(total(&store).await, 100);
}

/// Creates an upload with a deferred length, and appends bytes under its lock.
async fn grow(store: &Limited, locker: &MemoryLocker, bytes: usize) {
    let id = create(store, None).await.unwrap().id;
    let guard = locker.acquire(&id, Interrupt::default(), Duration::ZERO);
    let guard = guard.await.unwrap();
    let appended = append(store, &id, bytes, WriteMode::Streaming).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    guard.release().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uploads_that_make_room_at_once_none_is_refused_and_none_goes_in_vain() {
    for round in 0..20 {
        let below = aging();
        let store = Limited::new(below.clone()).total(1_000);
        let locker = MemoryLocker::default();
        let _uploads = evicting(&store, Evict::OldestUnfinished, &locker);
        let mut old = Vec::new();
        for _ in 0..25 {
            old.push(create(&store, 40).await.unwrap().id);
        }
        let mut creating = JoinSet::new();
        for n in 0..64 {
            let (store, locker) = (store.clone(), locker.clone());
            creating.spawn(async move {
                if n % 2 == 0 {
                    create(&store, 10).await.unwrap();
                } else {
                    grow(&store, &locker, 10).await;
                }
            });
        }
        while let Some(created) = creating.join_next().await {
            created.unwrap();
        }
        // 16 of them have made room for 64.
        let mut left = 0;
        for id in &old {
            left += u32::from(exists(&store, id).await);
        }
        assert_eq!(left, 9, "round {round}");
        assert_eq!(total(&store).await, 1_000);
    }
}
