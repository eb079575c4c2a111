//! The calls to the file system that a small upload takes.

#[cfg(feature = "metrics")]
use std::sync::Arc;

use tower_tus_layers::protocol::{
    FinishState, Length, Metadata, NewUpload, ResponseOverride, UploadId,
};
use tower_tus_layers::store::{Handle, Reader, Store, WriteMode};

use super::{Frames, append, append_all};
use crate::fs::sim::{self, Disk, Kind, Verdict};
use crate::store::file::{Durability, FileStore};

/// A store whose directory has had an upload before, and the calls since.
struct Watched {
    disk: Disk,
    store: FileStore,
    seen: usize,
}

impl Watched {
    async fn new(durability: Durability) -> Self {
        let disk = Disk::new();
        let store = FileStore::new(disk.root().join("up")).durability(durability);
        store.create(self::new(&store)).await.unwrap();
        let seen = disk.calls().len();
        Self { disk, store, seen }
    }

    /// Returns the calls since this was called before, with what they were made
    /// on: the name less the id.
    fn calls(&mut self, id: &UploadId) -> Vec<String> {
        let calls = self.disk.calls();
        let since = calls[self.seen..].iter();
        let told = since.map(|call| {
            let path = call.path.to_str().unwrap().replace(id.as_str(), "ID");
            format!("{:?} {path}", call.kind)
        });
        self.seen = calls.len();
        // A simulated write is made in two halves.
        told.filter(|call| !call.starts_with("WriteOn")).collect()
    }
}

fn new(store: &FileStore) -> NewUpload {
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    if store.needs_finish() {
        new.finishing = Some(FinishState::Pending { attempts: 0 });
    }
    new
}

async fn post(watched: &Watched) -> Box<dyn Handle> {
    watched.store.create(new(&watched.store)).await.unwrap()
}

#[test]
fn under_none_each_request_makes_the_calls_that_it_needs() {
    sim::run(async {
        let mut watched = Watched::new(Durability::None).await;
        let handle = post(&watched).await;
        let id = handle.info().id.clone();
        drop(handle);
        let made = [
            "Stat up",
            "Create up/ID",
            "Create up/ID.info",
            "Write up/ID.info",
            "Close up/ID.info",
        ];
        assert_eq!(watched.calls(&id), made);

        let mut handle = watched.store.open(&id).await.unwrap();
        append_all(&mut *handle, "hello").await;
        handle.finish_and_record().await.unwrap();
        let appended = [
            "Stat up",
            "Open up/ID.info",
            "Read up/ID.info",
            "Stat up/ID",
            "Open up/ID.chunk",
            "OpenToWrite up/ID",
            "Stat up/ID",
            "Write up/ID",
            "Close up/ID",
        ];
        assert_eq!(watched.calls(&id), appended);

        watched.store.open(&id).await.unwrap();
        let looked = [
            "Stat up",
            "Open up/ID.info",
            "Read up/ID.info",
            "Stat up/ID",
            "Open up/ID.chunk",
            // Another request might have had a mark at the first look.
            "Stat up/ID",
        ];
        assert_eq!(watched.calls(&id), looked);
    });
}

#[test]
fn an_answer_is_recorded_by_the_calls_that_record_the_finish_without_one() {
    for durability in super::DURABILITIES {
        sim::run(async {
            let mut watched = Watched::new(durability).await;
            let answer = ResponseOverride::default().with_body("well done");
            let mut recorded = Vec::new();
            for answer in [None, Some(answer)] {
                let mut handle = post(&watched).await;
                let id = handle.info().id.clone();
                append_all(&mut *handle, "hello").await;
                handle.finish().await.unwrap();
                watched.calls(&id);
                match &answer {
                    Some(answer) => handle.record_finished(answer).await.unwrap(),
                    None => handle.record(FinishState::Done).await.unwrap(),
                }
                let calls = watched.calls(&id).into_iter();
                // The draft has a random name.
                let calls = calls.map(|call| call.split(' ').next().unwrap().to_owned());
                recorded.push(calls.collect::<Vec<_>>());
            }
            assert!(recorded[0].contains(&"Write".to_owned()), "{recorded:?}");
            assert_eq!(recorded[0], recorded[1], "{durability:?}");
        });
    }
}

#[test]
fn an_upload_that_is_filled_by_its_creation_opens_no_file_again() {
    sim::run(async {
        for mode in [WriteMode::Streaming, WriteMode::Atomic] {
            let mut watched = Watched::new(Durability::None).await;
            let mut handle = post(&watched).await;
            let id = handle.info().id.clone();
            watched.calls(&id);
            let appended = append(&mut *handle, Frames::of(["hello"]), mode).await;
            assert!(appended.error.is_none(), "{appended:?}");
            handle.finish_and_record().await.unwrap();
            let calls = ["Stat up/ID", "Write up/ID", "Close up/ID"];
            assert_eq!(watched.calls(&id), calls);
        }
    });
}

#[test]
fn under_finish_a_small_upload_is_synced_three_times_and_its_creation_not_at_all() {
    sim::run(async {
        for mode in [WriteMode::Streaming, WriteMode::Atomic] {
            let mut watched = Watched::new(Durability::Finish).await;
            let handle = post(&watched).await;
            let id = handle.info().id.clone();
            drop(handle);
            let is_sync = |call: &String| call.starts_with("Sync");
            assert!(!watched.calls(&id).iter().any(is_sync));

            let mut handle = watched.store.open(&id).await.unwrap();
            let appended = append(&mut *handle, Frames::of(["hello"]), mode).await;
            assert!(appended.error.is_none(), "{appended:?}");
            watched.calls(&id);
            handle.finish_and_record().await.unwrap();
            let finished = [
                "Stat up",
                "OpenToWrite up/ID.info",
                "Open up/ID.chunk",
                "Open up",
                "Sync up/ID",
                "SyncDir up",
                "Stat up/ID.info",
                "Write up/ID.info",
                "Sync up/ID.info",
            ];
            assert_eq!(watched.calls(&id), finished);
            assert!(handle.info().is_finished());

            watched.store.open(&id).await.unwrap();
            assert!(!watched.calls(&id).iter().any(is_sync), "by this process");
        }
    });
}

#[cfg(feature = "metrics")]
#[test]
fn a_store_that_is_timed_makes_the_same_calls() {
    use tower_tus_layers::metrics::TimedStore;

    sim::run(async {
        let mut calls = Vec::new();
        for is_timed in [false, true] {
            let mut watched = Watched::new(Durability::Finish).await;
            let store: Box<dyn Store> = match is_timed {
                true => Box::new(TimedStore::new(Arc::new(watched.store.clone()), "tus")),
                false => Box::new(watched.store.clone()),
            };
            let mut handle = store.create(new(&watched.store)).await.unwrap();
            let id = handle.info().id.clone();
            append_all(&mut *handle, "hello").await;
            handle.finish_and_record().await.unwrap();
            calls.push(watched.calls(&id));
        }
        assert_eq!(calls[0], calls[1]);
    });
}

#[test]
fn a_creation_with_a_fresh_id_that_fails_leaves_no_file() {
    sim::run(async {
        for durability in super::DURABILITIES {
            let mut failures = 0;
            // More than there are calls. A write that fails half-way goes on.
            for number in 1..=16 {
                let watched = Watched::new(durability).await;
                let before = watched.disk.files();
                watched.disk.fail(number, rustix::io::Errno::NOSPC);
                if watched.store.create(new(&watched.store)).await.is_err() {
                    failures += 1;
                    watched.disk.rule(|_| Verdict::Pass);
                    assert_eq!(watched.disk.files(), before, "{durability}, call {number}");
                }
            }
            assert!(failures >= 5, "{durability}: {failures}");
        }
    });
}

#[test]
fn a_creation_with_a_fresh_id_that_is_killed_leaves_nothing_that_counts() {
    sim::run(async {
        let counted = Watched::new(Durability::Finish).await;
        post(&counted).await;
        let changes = counted.disk.calls().into_iter().filter(|call| {
            matches!(call.kind, Kind::Create | Kind::Write | Kind::WriteOn)
                && call.path.starts_with("up")
        });
        assert_eq!(changes.count(), 8, "of two uploads");
        for stop in 1..=4 {
            let watched = Watched::new(Durability::Finish).await;
            watched.disk.stop_at(stop);
            let new = new(&watched.store);
            let id = new.id.clone();
            watched.store.create(new).await.unwrap_err();
            watched.disk.kill();
            let store = FileStore::new(watched.disk.root().join("up"));
            assert!(super::is_not_found(&store.open(&id).await), "{stop}");
            assert!(
                super::is_not_found(&Reader::read(&store, &id).await),
                "{stop}"
            );
        }
    });
}

#[test]
fn ids_with_segments_get_their_directories_and_lie_below_no_upload() {
    sim::run(async {
        let watched = Watched::new(Durability::Offset).await;
        let below = |above: &str| {
            let mut new = new(&watched.store);
            new.id = format!("{above}/{}", new.id).parse().unwrap();
            assert!(new.is_fresh());
            new
        };
        for _ in 0..2 {
            let mut handle = watched.store.create(below("alice/2026")).await.unwrap();
            append_all(&mut *handle, "hello").await;
        }
        let above = watched.store.create(new(&watched.store)).await.unwrap();
        let id = above.info().id.to_string();
        let taken = watched.store.create(below(&id)).await;
        assert!(super::is_exists(&taken), "{taken:?}");
        // Its bytes may be elsewhere.
        let root = watched.disk.root().join("up");
        crate::fs::sys::remove(&root.join(&id)).unwrap();
        let taken = watched.store.create(below(&id)).await;
        assert!(super::is_exists(&taken), "{taken:?}");
    });
}

#[test]
fn a_state_that_cannot_be_synced_after_a_restart_is_written_anew() {
    sim::run(async {
        let mut watched = Watched::new(Durability::Finish).await;
        let mut handle = post(&watched).await;
        let id = handle.info().id.clone();
        append_all(&mut *handle, "hello").await;
        handle.finish_and_record().await.unwrap();
        watched.calls(&id);
        let restarted = FileStore::new(watched.disk.root().join("up"));
        watched.disk.rule(|call| match call.site() {
            Some(site) if site == "sync.rs: sync_state" => Verdict::Fail(rustix::io::Errno::IO),
            _ => Verdict::Pass,
        });
        let found = restarted.open(&id).await.unwrap();
        assert!(found.info().is_finished());
        let calls = watched.calls(&id);
        assert!(calls.contains(&"Rename up/ID.info".to_owned()), "{calls:?}");
        watched.disk.rule(|_| Verdict::Pass);
        for cut in watched.disk.cuts() {
            watched.disk.mount(&cut.image);
            let restarted = FileStore::new(watched.disk.root().join("up"));
            let found = restarted.open(&id).await.unwrap();
            assert!(found.info().is_finished(), "{cut}");
        }
    });
}
