use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::lock::{Locker, MemoryLocker};
use crate::protocol::{Clock, Error, Interrupt, NewUpload, Shutdown, UploadId};
use crate::store::{
    Cleaner, Handle, Leftover, LeftoverKind, LeftoverPage, LeftoverRequest, MemoryStore, Store,
};

/// A store with leftovers and no uploads.
#[derive(Clone, Debug)]
struct Attic {
    leftovers: Arc<Mutex<BTreeMap<String, Leftover>>>,
    /// What happens to the removal of a name.
    odd: Arc<Mutex<BTreeMap<&'static str, Error>>>,
    /// Each removal takes a permit.
    permits: Arc<Semaphore>,
    /// Has a permit for each removal that has begun.
    begun: Arc<Semaphore>,
}

impl Attic {
    fn new(leftovers: impl IntoIterator<Item = Leftover>) -> Self {
        let leftovers = leftovers.into_iter().map(|it| (it.name.clone(), it));
        Self {
            leftovers: Arc::new(Mutex::new(leftovers.collect())),
            odd: Arc::default(),
            permits: Arc::new(Semaphore::new(1_000)),
            begun: Arc::new(Semaphore::new(0)),
        }
    }

    fn names(&self) -> Vec<String> {
        self.leftovers.lock().unwrap().keys().cloned().collect()
    }

    fn fail(&self, name: &'static str, error: Error) {
        self.odd.lock().unwrap().insert(name, error);
    }
}

#[async_trait]
impl Store for Attic {
    async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotImplemented)
    }

    async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Err(Error::NotFound)
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        Some(self)
    }
}

#[async_trait]
impl Cleaner for Attic {
    /// In pages of two at most.
    async fn leftovers(&self, request: &LeftoverRequest) -> Result<LeftoverPage, Error> {
        let leftovers = self.leftovers.lock().unwrap();
        let behind = |it: &&Leftover| request.after.as_ref().is_none_or(|after| it.name > *after);
        let mut rest = leftovers.values().filter(behind);
        let mut page = LeftoverPage::default();
        page.leftovers.extend(rest.by_ref().take(2).cloned());
        if rest.next().is_some() {
            page.next = page.leftovers.last().map(|it| it.name.clone());
        }
        Ok(page)
    }

    async fn clean(&self, leftover: &Leftover) -> Result<Option<u64>, Error> {
        self.begun.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
        if let Some(error) = self.odd.lock().unwrap().get(&*leftover.name) {
            return Err(error.clone());
        }
        let removed = self.leftovers.lock().unwrap().remove(&leftover.name);
        Ok(removed.map(|it| it.bytes))
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn leftover(name: &str, kind: LeftoverKind, bytes: u64) -> Leftover {
    let mut leftover = Leftover::new(name, kind);
    leftover.bytes = bytes;
    leftover.modified = Some(at(0));
    leftover
}

fn of_upload(name: &str, id: &str, kind: LeftoverKind) -> Leftover {
    let mut leftover = leftover(name, kind, 1);
    leftover.id = Some(id.parse().unwrap());
    leftover
}

fn sweeper(attic: &Attic) -> Sweeper {
    Sweeper::new(attic.clone(), MemoryLocker::default())
}

fn any_age() -> SweepOptions {
    SweepOptions::default().older_than(Duration::ZERO)
}

#[tokio::test]
async fn a_sweep_removes_every_page_of_leftovers_and_counts_them_by_kind() {
    let attic = Attic::new([
        leftover("a", LeftoverKind::Draft, 10),
        leftover("b", LeftoverKind::Chunk, 4),
        leftover("c", LeftoverKind::Draft, 30),
        leftover("d", LeftoverKind::Lock, 0),
        leftover("e", LeftoverKind::HalfMade, 7),
    ]);
    let mut seen = Vec::new();
    let report = sweeper(&attic)
        .sweep_each(&SweepOptions::default(), |leftover, fate| {
            assert!(matches!(fate, Fate::Removed { bytes } if *bytes == leftover.bytes));
            seen.push(leftover.name.clone());
        })
        .await
        .unwrap();
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    assert!(attic.names().is_empty());
    let drafts = Tally {
        count: 2,
        bytes: 40,
    };
    assert_eq!(report.removed[&LeftoverKind::Draft], drafts);
    assert_eq!((report.total().count, report.total().bytes), (5, 51));
    assert!(report.kept.is_empty() && report.failed.is_empty());
    let again = sweeper(&attic).sweep(&SweepOptions::default()).await;
    assert_eq!(again.unwrap(), SweepReport::default());
}

#[tokio::test]
async fn a_leftover_is_kept_until_it_is_old_enough_by_the_clock() {
    let mut unknown = leftover("unknown", LeftoverKind::Draft, 1);
    unknown.modified = None;
    let mut future = leftover("future", LeftoverKind::Draft, 1);
    future.modified = Some(at(u32::MAX.into()));
    let attic = Attic::new([leftover("a", LeftoverKind::Draft, 1), unknown, future]);
    let seconds = Arc::new(AtomicU64::new(59));
    let clock = {
        let seconds = Arc::clone(&seconds);
        Clock::from_fn(move || at(seconds.load(Ordering::Relaxed)))
    };
    let sweeper = sweeper(&attic).clock(clock);
    let options = SweepOptions::default().older_than(Duration::from_secs(60));

    let report = sweeper.sweep(&options).await.unwrap();
    let young = (LeftoverKind::Draft, Reason::Young);
    assert_eq!((report.kept[&young].count, report.total().count), (3, 0));
    seconds.store(60, Ordering::Relaxed);
    sweeper.sweep(&options).await.unwrap();
    assert_eq!(attic.names(), ["future", "unknown"]);
    sweeper.sweep(&any_age()).await.unwrap();
    assert!(attic.names().is_empty());
}

#[tokio::test]
async fn what_may_belong_to_somebody_is_removed_only_on_request() {
    let attic = Attic::new([
        leftover("a", LeftoverKind::Orphan, 1),
        leftover("b", LeftoverKind::Unreadable, 1),
        leftover("c", LeftoverKind::Moved, 1),
    ]);
    let report = sweeper(&attic).sweep(&any_age()).await.unwrap();
    assert_eq!(attic.names(), ["a", "b"]);
    assert!(
        report
            .kept
            .contains_key(&(LeftoverKind::Orphan, Reason::Foreign))
    );
    let report = sweeper(&attic).sweep(&any_age().foreign()).await.unwrap();
    assert_eq!(report.total().count, 2);
    assert!(attic.names().is_empty());
}

#[tokio::test]
async fn a_leftover_whose_upload_is_held_is_kept_and_its_holder_not_interrupted() {
    let attic = Attic::new([
        of_upload("a.new", "a", LeftoverKind::HalfMade),
        of_upload("b.new", "b", LeftoverKind::HalfMade),
    ]);
    let locker = MemoryLocker::default();
    let sweeper = Sweeper::new(attic.clone(), locker.clone());
    let (id, holder) = ("a".parse().unwrap(), Interrupt::default());
    let guard = locker
        .acquire(&id, holder.clone(), Duration::ZERO)
        .await
        .unwrap();
    for options in [any_age().dry_run(), any_age()] {
        let report = sweeper.sweep(&options).await.unwrap();
        assert_eq!(
            report.kept[&(LeftoverKind::HalfMade, Reason::Held)].count,
            1
        );
        assert_eq!(report.total().count, 1);
    }
    assert!(holder.cause().is_none());
    assert_eq!(attic.names(), ["a.new"]);
    guard.release().await;
    sweeper.sweep(&any_age()).await.unwrap();
    assert!(attic.names().is_empty());
    assert!(!locker.is_held(&id).await.unwrap());
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_changes_nothing() {
    let attic = Attic::new([
        leftover("a", LeftoverKind::Draft, 10),
        leftover("b", LeftoverKind::Orphan, 10),
    ]);
    let sweeper = sweeper(&attic);
    let would = sweeper.sweep(&any_age().dry_run()).await.unwrap();
    assert_eq!(attic.names(), ["a", "b"]);
    assert_eq!(sweeper.sweep(&any_age()).await.unwrap(), would);
    assert_eq!(attic.names(), ["b"]);
}

#[tokio::test]
async fn a_leftover_that_cannot_be_removed_does_not_end_the_sweep() {
    let attic = Attic::new(["a", "b", "c"].map(|name| leftover(name, LeftoverKind::Draft, 5)));
    attic.fail("a", Error::UploadNotFinished);
    attic.fail("b", Error::NotFound);
    let mut fates = Vec::new();
    let report = sweeper(&attic)
        .sweep_each(&any_age(), |_, fate| fates.push(fate.clone()))
        .await
        .unwrap();
    assert!(
        matches!(fates[0], Fate::Failed(Error::UploadNotFinished)),
        "{fates:?}"
    );
    assert!(matches!(fates[1], Fate::Kept(Reason::Changed)), "{fates:?}");
    assert!(matches!(fates[2], Fate::Removed { bytes: 5 }), "{fates:?}");
    assert_eq!(report.total_failed().count, 1);
    assert_eq!(report.found().count, 3);
}

#[tokio::test]
async fn a_sweep_that_is_dropped_holds_the_lock_until_its_removal_has_ended() {
    let mut attic = Attic::new([of_upload("a.new", "a", LeftoverKind::HalfMade)]);
    attic.permits = Arc::new(Semaphore::new(0));
    let locker = MemoryLocker::default();
    let sweeper = Sweeper::new(attic.clone(), locker.clone());
    let sweeping = tokio::spawn(async move { sweeper.sweep(&any_age()).await });
    let id = "a".parse().unwrap();
    while !locker.is_held(&id).await.unwrap() {
        tokio::task::yield_now().await;
    }
    sweeping.abort();
    assert!(sweeping.await.unwrap_err().is_cancelled());
    assert!(locker.is_held(&id).await.unwrap());
    attic.permits.add_permits(1);
    let patience = Duration::from_secs(20);
    let guard = locker.acquire(&id, Interrupt::default(), patience).await;
    assert!(guard.is_ok() && attic.names().is_empty());
}

#[tokio::test]
async fn a_store_that_knows_no_leftovers_cannot_be_swept() {
    let sweeper = Sweeper::new(MemoryStore::default(), MemoryLocker::default());
    let report = sweeper.sweep(&any_age()).await;
    assert!(matches!(report, Err(Error::NotImplemented)));
}

#[tokio::test(start_paused = true)]
async fn sweeps_in_the_background_begin_after_an_interval_and_end_with_the_shutdown() {
    let attic = Attic::new([leftover("a", LeftoverKind::Draft, 1)]);
    let shutdown = Shutdown::default();
    let sweeper = sweeper(&attic).shutdown(shutdown.clone());
    let hour = Duration::from_secs(3_600);
    let running = tokio::spawn(async move { sweeper.run(&any_age(), hour).await });
    tokio::time::sleep(hour - Duration::from_secs(1)).await;
    assert_eq!(attic.names(), ["a"]);
    for name in ["b", "c"] {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(attic.names().is_empty());
        let next = leftover(name, LeftoverKind::Draft, 1);
        attic
            .leftovers
            .lock()
            .unwrap()
            .insert(name.to_owned(), next);
        tokio::time::sleep(hour - Duration::from_secs(2)).await;
    }
    shutdown.begin();
    shutdown.drained().await;
    running.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_a_sweep_and_waits_for_what_is_being_removed() {
    let mut attic = Attic::new(["a", "b"].map(|name| leftover(name, LeftoverKind::Draft, 1)));
    attic.permits = Arc::new(Semaphore::new(0));
    let shutdown = Shutdown::default();
    let sweeper = sweeper(&attic).shutdown(shutdown.clone());
    let sweeping = tokio::spawn(async move { sweeper.sweep(&any_age()).await });
    attic.begun.acquire().await.unwrap().forget();
    shutdown.begin();
    let drained = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { shutdown.drained().await }
    });
    tokio::task::yield_now().await;
    assert!(!drained.is_finished());
    attic.permits.add_permits(2);
    drained.await.unwrap();
    assert_eq!(sweeping.await.unwrap().unwrap().total().count, 1);
    assert_eq!(attic.names(), ["b"]);
}
