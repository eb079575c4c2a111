//! Which operations run on the worker that serves the request, and which on the
//! pool.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::worker_index;
use tokio::task::spawn_blocking;
use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{
    Concat, Error, FinishState, Interrupt, Length, NewUpload, Role, UploadId,
};
use tower_tus_layers::store::{Concatenator, Reader, Store, Terminator, WriteMode};

use super::{DURABILITIES, Frames, append, append_all, new};
use crate::fs::sim::{Disk, Kind, Verdict};
use crate::lock::FileLocker;
use crate::store::file::{Durability, FileStore, Offload};

/// The kinds of calls that were made on a worker thread.
type Inline = Arc<Mutex<BTreeSet<String>>>;

fn watched(disk: &Disk) -> Inline {
    let inline = Inline::default();
    let seen = inline.clone();
    disk.rule(move |call| {
        if worker_index().is_some() {
            seen.lock().unwrap().insert(format!("{:?}", call.kind));
        }
        Verdict::Pass
    });
    inline
}

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

fn new_in(role: Role, text: &str) -> NewUpload {
    let mut new = new(text);
    new.concat = Some(Concat::new(role, None));
    new
}

/// Does everything that a store can.
async fn use_all(store: FileStore, locker: FileLocker, disk: Arc<Disk>) {
    let mut upload = store.create(new("a")).await.unwrap();
    let a = upload.info().id.clone();
    let guard = locker.acquire(&a, Interrupt::default(), Duration::ZERO);
    let guard = guard.await.unwrap();
    append_all(&mut *upload, "hello").await;
    let broken = Frames::of(["wor"]).then(Err(Error::NotFound));
    let refused = append(&mut *upload, broken, WriteMode::Atomic).await;
    assert_eq!((refused.offset.get(), refused.error.is_some()), (5, true));
    let taken = append(&mut *upload, Frames::of(["world"]), WriteMode::Atomic).await;
    assert_eq!(taken.offset.get(), 10);
    upload.finish().await.unwrap();
    upload.record(FinishState::Done).await.unwrap();
    guard.release().await;
    store.open(&id("a")).await.unwrap();
    let content = store.read(&id("a")).await.unwrap();
    assert_eq!(content.bytes(0..10).await.unwrap(), "helloworld");

    // A chunk that a kill has cut short.
    let mut deferred = new("b");
    deferred.length = None;
    let mut upload = store.create(deferred).await.unwrap();
    append_all(&mut *upload, "hello").await;
    mark(&disk, "3\n").await;
    let mut upload = store.open(&id("b")).await.unwrap();
    assert_eq!(upload.info().offset.get(), 3);
    append_all(&mut *upload, "lo").await;
    mark(&disk, "4\n").await;
    upload.declare_length(Length::from(4)).await.unwrap();
    Terminator::terminate(&store, &id("b")).await.unwrap();

    let waited = Role::Partial { awaited_by: vec![] };
    let mut part = store.create(new_in(waited, "p")).await.unwrap();
    append_all(&mut *part, "0123456789").await;
    let parts = vec![id("p"), id("p")];
    let joined = Role::Final {
        parts,
        pending: false,
    };
    let mut joined = new_in(joined, "f");
    joined.length = None;
    let interrupt = Interrupt::default();
    let joined = Concatenator::concatenate(&store, joined, &interrupt).await;
    assert_eq!(joined.unwrap().info().offset.get(), 20);
}

async fn mark(disk: &Disk, text: &'static str) {
    let path = disk.root().join("up/b.chunk");
    let write = move || {
        let mark = crate::fs::sys::File::create_new(&path).unwrap();
        mark.write_all(text.as_bytes()).unwrap();
    };
    spawn_blocking(write).await.unwrap();
}

fn run(durability: Durability, offload: Offload) -> BTreeSet<String> {
    let disk = Arc::new(Disk::new());
    let store = FileStore::new(disk.root().join("up"))
        .durability(durability)
        .offload(offload);
    let inline = watched(&disk);
    let locker = FileLocker::beside(&store);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let task = runtime.spawn(use_all(store.clone(), locker.clone(), disk));
    runtime.block_on(task).unwrap();
    // The last locker removes its file where it is dropped, so not in the task.
    drop((store, locker));
    inline.lock().unwrap().clone()
}

/// Runs until the kinds have been seen inline: on a machine that is busy, a step
/// may have been slow.
fn run_until(durability: Durability, kinds: &[Kind]) -> BTreeSet<String> {
    let mut inline = BTreeSet::new();
    for _ in 0..20 {
        inline.append(&mut run(durability, Offload::WhenSlow));
        if kinds
            .iter()
            .all(|kind| inline.contains(&format!("{kind:?}")))
        {
            return inline;
        }
    }
    panic!("only {inline:?} ran inline under {durability}");
}

#[test]
fn what_waits_for_the_disk_never_runs_on_a_worker() {
    let looks = [Kind::Open, Kind::Stat, Kind::Read];
    let changes = [Kind::Create, Kind::Write, Kind::RenameNew, Kind::Unlink];
    for durability in DURABILITIES {
        let inline = match durability {
            Durability::None => run_until(durability, &[&looks[..], &changes].concat()),
            _ => run_until(durability, &looks),
        };
        for kind in [Kind::Sync, Kind::SyncDir, Kind::Truncate, Kind::Seek] {
            let kind = format!("{kind:?}");
            assert!(!inline.contains(&kind), "{kind} under {durability}");
        }
    }
}

#[test]
fn always_means_the_pool_for_the_locker_beside_the_store_too() {
    let inline = run(Durability::None, Offload::Always);
    assert!(inline.is_empty(), "{inline:?}");
}
