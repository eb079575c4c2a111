//! What crashes have left, and what looks like it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::{Concat, Interrupt, Role};
use tower_tus_layers::store::LeftoverKind::{self, Draft, HalfMade, Moved, Orphan, Unreadable};
use tower_tus_layers::store::conformance::crash::{self, Crashable, Promises};
use tower_tus_layers::store::{
    Cleaner, Concatenator, Leftover, LeftoverRequest, Lister, Reader, Terminator,
};
use tower_tus_layers::sweep::{SweepOptions, SweepReport, Sweeper};

use super::*;
use crate::store::object::clean::page_of;
use crate::store::object::handle::ObjectHandle;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{MultipartId, Objects, Properties};
use crate::store::object::state::{State, random};

const LENGTH: u64 = 9 * PART;

async fn leftovers(store: &ObjectStore, limit: usize) -> Vec<Leftover> {
    let (mut request, mut found) = (LeftoverRequest::default().limit(limit), Vec::new());
    loop {
        let page = Cleaner::leftovers(store, &request).await.unwrap();
        assert!(page.leftovers.len() <= limit);
        found.extend(page.leftovers);
        let Some(next) = page.next else { return found };
        request = request.after(next);
    }
}

async fn found(store: &ObjectStore) -> Vec<(String, LeftoverKind)> {
    let found = leftovers(store, 1_000).await.into_iter();
    found.map(|it| (it.name, it.kind)).collect()
}

async fn sweep(store: &ObjectStore) -> Result<SweepReport, Error> {
    let sweeper = Sweeper::new(store.clone(), store.locker());
    sweeper.sweep(&any_age()).await
}

fn any_age() -> SweepOptions {
    SweepOptions::default().older_than(Duration::ZERO)
}

/// Removes everything that is left, and checks that uploads have all else.
async fn sweep_all(bucket: &Bucket) {
    let store = store(bucket);
    let report = sweep(&store).await.unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(report.kept.is_empty(), "{report:?}");
    assert_eq!(unowned(bucket).await, [""; 0]);
    assert_eq!(found(&store).await, []);
}

/// Returns everything in the bucket that no state names.
async fn unowned(bucket: &Bucket) -> Vec<String> {
    let keys = bucket.keys();
    let (mut named, mut multiparts) = (Vec::new(), Vec::new());
    for key in &keys {
        let Some(id) = key.strip_suffix(".info") else {
            continue;
        };
        let keys = Keys::new("", &id.parse().unwrap());
        let info = Info::read(bucket, &keys).await.unwrap();
        if !info.state.gone {
            let pieces = info.state.tail.iter().map(|(name, _)| keys.piece(name));
            named.extend(pieces.chain([keys.info(), keys.data().to_owned()]));
            multiparts.extend(info.state.multipart);
        }
    }
    let begun = bucket.multiparts("", None).await.unwrap().multiparts;
    let begun = begun.into_iter().map(|it| it.id.0);
    let left = keys.into_iter().filter(|key| !named.contains(key));
    left.chain(begun.filter(|id| !multiparts.contains(id)))
        .collect()
}

/// The step during which the server crashes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    /// So many bytes after others.
    Patch(u64, u64, WriteMode),
    Terminate(u64),
    /// Of parts with these lengths.
    Concatenate(u64, u64),
}

/// What comes after the crash.
#[derive(Clone, Copy, Debug)]
enum Next {
    GoOn,
    Terminate,
    Sweep,
}

/// Plays a step, and returns the id and the length of the upload.
async fn play(step: Step, length: u64, bucket: &Bucket, faulty: &Faulty) -> (UploadId, u64) {
    let asked = new(Some(length));
    let id = asked.id.clone();
    let before = match step {
        Step::Create => {
            faulty.begin();
            let _ = faulty.store().create(asked).await;
            return (id, length);
        }
        Step::Concatenate(one, other) => {
            let parts = [
                part(bucket, 0, one).await,
                part(bucket, one, one + other).await,
            ];
            let asked = concatenated(&parts);
            let id = asked.id.clone();
            faulty.begin();
            let store = faulty.store();
            let _ = store.concatenate(asked, &Interrupt::default()).await;
            return (id, one + other);
        }
        Step::Patch(before, ..) | Step::Terminate(before) => before,
    };
    let mut handle = faulty.store().create(asked).await.unwrap();
    let patched = patch(&mut *handle, before, WriteMode::Streaming).await;
    patched.unwrap();
    faulty.begin();
    if let Step::Patch(_, len, mode) = step {
        let _ = patch(&mut *handle, len, mode).await;
    } else {
        let _ = faulty.store().terminate(&id).await;
    }
    (id, length)
}

/// A server that crashes in a call of its step.
struct Faulty {
    bucket: Bucket,
    calls: usize,
    fault: Fault,
}

impl Faulty {
    fn store(&self) -> ObjectStore {
        store(&self.bucket)
    }

    fn begin(&self) {
        self.bucket.fail(self.calls, self.fault);
    }
}

async fn part(bucket: &Bucket, from: u64, to: u64) -> UploadId {
    let mut asked = new(Some(to - from));
    asked.concat = Some(Concat::new(
        Role::Partial {
            awaited_by: Vec::new(),
        },
        None,
    ));
    let mut handle = store(bucket).create(asked).await.unwrap();
    let mut body = StreamBody::new(stream::iter([Ok(Frame::data(bytes(from, to)))]));
    let chunk = Chunk::new(&mut body);
    let appended = handle.append(chunk, options(WriteMode::Streaming)).await;
    assert!(appended.error.is_none());
    handle.finish_and_record().await.unwrap();
    handle.info().id.clone()
}

fn concatenated(parts: &[UploadId]) -> NewUpload {
    let mut asked = new(None);
    asked.concat = Some(Concat::new(
        Role::Final {
            parts: parts.to_vec(),
            pending: false,
        },
        None,
    ));
    asked
}

/// Goes on with an upload, or removes it. Either way there is no trace of the crash.
async fn end(bucket: &Bucket, id: &UploadId, length: u64, next: Next) {
    let store = store(bucket);
    match store.open(id).await {
        Err(Error::NotFound) => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) if matches!(next, Next::Terminate) => store.terminate(id).await.unwrap(),
        Ok(_) => go_on(bucket, id, length).await,
    }
}

async fn crashed(step: Step, length: u64, calls: usize, fault: Fault, next: Next) -> bool {
    let bucket = Bucket::new();
    let other = create(&store(&bucket), Some(LENGTH))
        .await
        .info()
        .id
        .clone();
    let mut handle = store(&bucket).open(&other).await.unwrap();
    let uploaded = patch(&mut *handle, PART + 100 * KIB, WriteMode::Streaming).await;
    uploaded.unwrap();
    let faulty = Faulty {
        bucket: bucket.again(),
        calls,
        fault,
    };
    let (id, length) = play(step, length, &bucket, &faulty).await;
    if matches!(next, Next::Sweep) {
        let before = state_of(&bucket, &id).await;
        sweep_all(&bucket).await;
        assert_eq!(state_of(&bucket, &id).await, before);
    }
    end(&bucket, &id, length, next).await;
    sweep_all(&bucket).await;
    go_on(&bucket, &other, LENGTH).await;
    faulty.bucket.has_failed()
}

/// Returns what a state says about bytes.
async fn state_of(bucket: &Bucket, id: &UploadId) -> Option<State> {
    let info = Info::read(bucket, &Keys::new("", id)).await.ok()?;
    let mut state = info.state;
    (state.epoch, state.token) = (0, String::new());
    (!state.gone).then_some(state)
}

async fn every_crash(step: Step, length: u64) {
    for next in [Next::GoOn, Next::Terminate, Next::Sweep] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let mut calls = 0;
            while crashed(step, length, calls, fault, next).await {
                calls += 1;
            }
            assert!(calls > 0, "{step:?} made no call");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_creation_or_a_termination_that_crashed() {
    every_crash(Step::Create, LENGTH).await;
    for (before, length) in [
        (5, LENGTH),
        (100 * KIB, LENGTH),
        (2 * PART + 100 * KIB, LENGTH),
        (PART, PART),
    ] {
        every_crash(Step::Terminate(before), length).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_request_that_crashed() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        for (before, len) in [
            (5, 100 * KIB),
            (100 * KIB, 3 * PART + 5),
            (PART + 100 * KIB, 70 * KIB),
        ] {
            every_crash(Step::Patch(before, len, mode), LENGTH).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_finish_that_crashed() {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        every_crash(Step::Patch(8 * PART, PART, mode), LENGTH).await;
        every_crash(Step::Patch(100 * KIB, PART - 100 * KIB, mode), PART).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_concatenation_that_crashed() {
    every_crash(Step::Concatenate(3, 4), 0).await;
    every_crash(Step::Concatenate(PART + 1, 5), 0).await;
}

/// Leaves one of each kind that crashes leave, and returns an upload that goes on.
async fn leave_all(bucket: &Bucket) -> UploadId {
    let store = store(bucket);
    let live = create(&store, Some(LENGTH)).await.info().id.clone();
    let mut handle = store.open(&live).await.unwrap();
    let len = PART + 100 * KIB;
    patch(&mut *handle, len, WriteMode::Streaming)
        .await
        .unwrap();
    begin(bucket, live.as_str()).await;
    put(
        bucket,
        &Keys::new("", &live).piece(&format!("{}-0", random())),
    )
    .await;
    put(bucket, &format!("{}.{}-7.part", random(), random())).await;
    begin(bucket, &random()).await;

    let gone = create(&store, Some(LENGTH)).await.info().id.clone();
    let mut handle = store.open(&gone).await.unwrap();
    patch(&mut *handle, len, WriteMode::Streaming)
        .await
        .unwrap();
    change(bucket, &gone, |state| state.gone = true).await;

    let moved = finished(bucket, &random()).await;
    bucket.delete(moved.as_str()).await.unwrap();
    live
}

async fn finished(bucket: &Bucket, id: &str) -> UploadId {
    let mut asked = new(Some(5));
    asked.id = id.parse().unwrap();
    let mut handle = store(bucket).create(asked).await.unwrap();
    patch(&mut *handle, 5, WriteMode::Streaming).await.unwrap();
    handle.info().id.clone()
}

async fn begin(bucket: &Bucket, key: &str) -> MultipartId {
    let begun = bucket.begin(key, &Properties::default()).await.unwrap();
    let sent = bucket.put_part(key, &begun, 1, "12345".into()).await;
    sent.unwrap();
    begun
}

async fn put(bucket: &Bucket, key: &str) {
    bucket.put_foreign(key, b"bytes").await;
}

/// Replaces a state as another server does.
async fn change(bucket: &Bucket, id: &UploadId, change: impl FnOnce(&mut State)) {
    let mut handle = ObjectHandle::open(&store(bucket), id).await.unwrap();
    let (document, mut state) = (handle.info.document.clone(), handle.info.state.clone());
    change(&mut state);
    handle.swap(document, state).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_crashes_is_done_by_the_next_one() {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for calls in 0.. {
            let bucket = Bucket::new();
            let live = leave_all(&bucket).await;
            let faulty = bucket.again();
            faulty.fail(calls, fault);
            let _ = sweep(&store(&faulty)).await;
            sweep_all(&bucket).await;
            go_on(&bucket, &live, LENGTH).await;
            assert!(calls < 1_000);
            if !faulty.has_failed() {
                assert!(calls > 20, "{calls}");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_found_in_the_order_of_names_whatever_the_pages() {
    let bucket = Bucket::new();
    leave_all(&bucket).await;
    for key in ["a", "a!", "a-b"] {
        finished(&bucket, key).await;
        begin(&bucket, key).await;
        begin(&bucket, key).await;
    }
    put(&bucket, "orphan").await;
    put(&bucket, "torn.info").await;
    begin(&bucket, "orphan").await;
    begin(&bucket, "x").await;
    let all = leftovers(&store(&bucket), 1_000).await;
    let mut kinds = BTreeMap::new();
    for it in &all {
        *kinds.entry(it.kind).or_insert(0) += 1;
        let is_foreign = matches!(it.kind, Orphan | Unreadable);
        assert!(!is_foreign || it.id.is_none(), "{it:?}");
    }
    let expected = [
        (HalfMade, 1),
        (Draft, 10),
        (Moved, 1),
        (Orphan, 3),
        (Unreadable, 1),
    ];
    assert_eq!(kinds, BTreeMap::from(expected));
    assert!(
        all.is_sorted_by(|one, other| one.name < other.name),
        "{all:?}"
    );

    for page in [1, 2, 3] {
        let small = store(&bucket.page(page));
        for limit in 1..=all.len() {
            assert_eq!(leftovers(&small, limit).await, all, "{limit} in {page}");
        }
    }
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = page_of(&store(&bucket), after.as_deref(), 1).await;
        found.extend(page.leftovers);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, all, "in pages that end early");
}

#[tokio::test(start_paused = true)]
async fn foreign_leftovers_are_removed_only_on_request() {
    let bucket = Bucket::new();
    finished(&bucket, "a").await;
    let before = bucket.keys();
    put(&bucket, "orphan").await;
    put(&bucket, "torn.info").await;
    begin(&bucket, "film").await;
    put(&bucket, "no id?").await;
    let store = store(&bucket);
    assert_eq!(sweep(&store).await.unwrap().total().count, 0);
    let sweeper = Sweeper::new(store.clone(), store.locker());
    let report = sweeper.sweep(&any_age().foreign()).await.unwrap();
    assert_eq!((report.total().count, report.total().bytes), (3, 15));
    let left: Vec<_> = bucket
        .keys()
        .into_iter()
        .filter(|key| !before.contains(key))
        .collect();
    assert_eq!(
        (left, bucket.multiparts_left()),
        (vec!["no id?".to_owned()], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_orphan_that_somebody_has_replaced_is_kept() {
    let bucket = Bucket::new();
    put(&bucket, "orphan").await;
    let store = store(&bucket);
    let orphan = leftovers(&store, 1).await.remove(0);
    bucket.put_foreign("orphan", b"others").await;
    assert_eq!(store.clean(&orphan).await.unwrap(), None);
    assert_eq!(bucket.bytes("orphan").unwrap(), "others");
}

#[tokio::test(start_paused = true)]
async fn what_tusd_has_begun_is_left_alone() {
    let bucket = Bucket::new();
    let name = format!("a.{}-2", random());
    finished(&bucket, "a").await;
    for id in [&name, "movie"] {
        let multipart = begin(&bucket, id).await;
        let info = format!(r#"{{"ID":"{id}+{}","Size":9}}"#, multipart.0);
        bucket
            .put_foreign(&format!("{id}.info"), info.leak().as_bytes())
            .await;
        put(&bucket, &format!("{id}.part")).await;
        begin(&bucket, id).await;
    }
    let (keys, begun) = (bucket.keys(), bucket.multiparts_left());
    assert_eq!(found(&store(&bucket)).await, []);
    assert_eq!(
        sweep(&store(&bucket)).await.unwrap(),
        SweepReport::default()
    );
    assert_eq!((bucket.keys(), bucket.multiparts_left()), (keys, begun));

    // Without tusd's upload, this is a piece of another one.
    bucket.delete(&format!("{name}.info")).await.unwrap();
    let piece = format!("{name}.part");
    assert!(found(&store(&bucket)).await.contains(&(piece, Draft)));
}

#[tokio::test(start_paused = true)]
async fn a_piece_that_has_become_tusds_tail_is_kept() {
    let bucket = Bucket::new();
    let name = format!("a.{}-2", random());
    put(&bucket, &format!("{name}.part")).await;
    let store = store(&bucket);
    let piece = leftovers(&store, 1).await.remove(0);
    bucket
        .put_foreign(&format!("{name}.info"), br#"{"ID":"x"}"#)
        .await;
    assert_eq!(store.clean(&piece).await.unwrap(), None);
    assert!(bucket.keys().contains(&format!("{name}.part")));
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_upload_has_another_id_is_no_leftover() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let key = random();
    let id = create(&store, Some(LENGTH)).await.info().id.clone();
    change(&bucket, &id, |state| state.key = Some(key.clone())).await;
    let mut handle = store.open(&id).await.unwrap();
    patch(&mut *handle, PART + 5, WriteMode::Streaming)
        .await
        .unwrap();
    assert_eq!(bucket.multiparts_left(), 1);
    assert_eq!(found(&store).await, [], "while it goes on");
    patch(&mut *handle, LENGTH - PART - 5, WriteMode::Streaming)
        .await
        .unwrap();
    assert!(bucket.bytes(&key).unwrap() == bytes(0, LENGTH));
    assert_eq!(found(&store).await, [], "when it is finished");
    bucket.delete(&key).await.unwrap();
    assert_eq!(found(&store).await, [(format!("{id}.info"), Moved)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_named_after_it_was_found_is_kept() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let id = create(&store, Some(LENGTH)).await.info().id.clone();
    let name = format!("{}-0", random());
    put(&bucket, &Keys::new("", &id).piece(&name)).await;
    let begun = begin(&bucket, id.as_str()).await;
    let found = leftovers(&store, 10).await;
    assert_eq!(found.len(), 2);
    change(&bucket, &id, |state| {
        state.multipart = Some(begun.0.clone());
        state.tail.push((name.clone(), 5));
    })
    .await;
    for leftover in found {
        assert_eq!(store.clean(&leftover).await.unwrap(), None, "{leftover:?}");
    }
    assert_eq!((bucket.keys().len(), bucket.multiparts_left()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_writer_is_about_to_name_is_removed_only_after_it_cannot_any_more() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let id = create(&store, Some(LENGTH)).await.info().id.clone();
    let name = format!("{}-0", random());
    put(&bucket, &Keys::new("", &id).piece(&name)).await;
    let begun = begin(&bucket, id.as_str()).await;
    let found = leftovers(&store, 10).await;
    for leftover in found {
        // Of another server, whose lock nobody sees.
        let other = super::store(&bucket);
        let mut writer = ObjectHandle::open(&other, &id).await.unwrap();
        assert_eq!(store.clean(&leftover).await.unwrap(), Some(5));
        let (document, mut state) = (writer.info.document.clone(), writer.info.state.clone());
        state.multipart = Some(begun.0.clone());
        state.tail.push((name.clone(), 5));
        writer.swap(document, state).await.unwrap_err();
    }
    assert_eq!((bucket.keys().len(), bucket.multiparts_left()), (1, 0));
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_created_after_a_multipart_upload_was_found_is_untouched() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let key = random();
    begin(&bucket, &key).await;
    let found = leftovers(&store, 10).await;
    let mut asked = new(Some(LENGTH));
    asked.id = key.parse().unwrap();
    let id = asked.id.clone();
    let mut handle = store.create(asked).await.unwrap();
    patch(&mut *handle, PART + 5, WriteMode::Streaming)
        .await
        .unwrap();
    assert_eq!(store.clean(&found[0]).await.unwrap(), None);
    sweep_all(&bucket).await;
    go_on(&bucket, &id, LENGTH).await;
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_an_upload_that_is_being_created_are_kept() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let id: UploadId = random().parse().unwrap();
    begin(&bucket, &random()).await;
    begin(&bucket, id.as_str()).await;
    let locker = store.locker();
    let guard = locker.acquire_new(&id, Interrupt::default(), Duration::ZERO);
    let guard = guard.await.unwrap();
    assert_eq!(sweep(&store).await.unwrap().total().count, 1);
    assert_eq!(bucket.multiparts_left(), 1);
    drop(guard);
    sweep_all(&bucket).await;
    assert_eq!(bucket.multiparts_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_held_upload_is_not_swept() {
    let bucket = Bucket::new();
    let store = store(&bucket);
    let live = leave_all(&bucket).await;
    let locker = store.locker();
    let guard = locker
        .acquire(&live, Interrupt::default(), Duration::from_secs(1))
        .await
        .unwrap();
    let report = sweep(&store).await.unwrap();
    let kept: u64 = report.kept.values().map(|it| it.count).sum();
    assert_eq!((kept, report.total().count), (2, 4), "{report:?}");
    guard.release().await;
    sweep_all(&bucket).await;
}

#[tokio::test(start_paused = true)]
async fn a_pass_over_finished_uploads_reads_only_what_has_changed() {
    let bucket = Bucket::new();
    for number in 0..50 {
        finished(&bucket, &format!("a{number}")).await;
    }
    bucket.make_old();
    let store = store(&bucket);
    bucket.calls();
    assert_eq!(found(&store).await, []);
    let count = |calls: Vec<&str>, name| calls.into_iter().filter(|it| *it == name).count();
    let calls = bucket.calls();
    assert_eq!(
        (calls.len(), count(calls, "get")),
        (51, 50),
        "the first one"
    );
    assert_eq!(found(&store).await, []);
    assert_eq!(bucket.calls(), ["list"], "the next one");

    let gone = "a7".parse().unwrap();
    change(&bucket, &gone, |state| state.gone = true).await;
    bucket.delete("a8").await.unwrap();
    let expected = [
        ("a7.info".to_owned(), HalfMade),
        ("a8.info".to_owned(), Moved),
    ];
    assert_eq!(found(&store).await, expected);
}

/// A store that concatenates nothing. Otherwise the suite would have a part appended to
/// by a handle that does not know who waits for the part, which this store refuses.
#[derive(Debug)]
struct WithoutFinals(ObjectStore);

#[async_trait]
impl Store for WithoutFinals {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }

    fn needs_finish(&self) -> bool {
        self.0.needs_finish()
    }

    fn defers_length(&self) -> bool {
        self.0.defers_length()
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.0.terminator()
    }

    fn lister(&self) -> Option<&dyn Lister> {
        self.0.lister()
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.0.reader()
    }

    fn cleaner(&self) -> Option<&dyn Cleaner> {
        self.0.cleaner()
    }
}

/// A store on a bucket that stops.
struct InMemory;

impl Crashable for InMemory {
    type Storage = Bucket;

    fn empty(&self) -> Bucket {
        Bucket::new()
    }

    fn stop_after(&self, bucket: &Bucket, changes: u64) {
        bucket.fail(usize::try_from(changes).unwrap(), Fault::CrashBefore);
    }

    fn has_stopped(&self, bucket: &Bucket) -> bool {
        bucket.has_failed()
    }

    fn open(&self, bucket: &Bucket) -> Arc<dyn Store> {
        Arc::new(WithoutFinals(store(bucket)))
    }

    fn after_crash(&self, bucket: Bucket) -> Vec<(String, Bucket)> {
        vec![("the bucket as it was".to_owned(), bucket.again())]
    }

    fn promises(&self) -> Promises {
        Promises::ALL
    }

    fn unowned(&self, bucket: &Bucket, uploads: &[UploadId]) -> Vec<String> {
        let is_owned = |key: &String| {
            let is_of = |id: &UploadId| *key == *id.as_str() || *key == format!("{id}.info");
            uploads.iter().any(is_of)
        };
        bucket
            .keys()
            .into_iter()
            .filter(|key| !is_owned(key))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn it_passes_the_crash_suite_with_its_sweeps() {
    let ran = crash::run(&InMemory).await;
    assert!(ran.sweeps > 400, "{ran:?}");
}
