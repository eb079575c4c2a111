//! What crashes have left, and what looks like it.

mod crash;

use std::collections::BTreeMap;
use std::time::Duration;

use tower_tus_layers::lock::Locker;
use tower_tus_layers::protocol::Interrupt;
use tower_tus_layers::store::LeftoverKind::{self, Draft, HalfMade, Moved, Orphan, Unreadable};
use tower_tus_layers::store::{Cleaner, Leftover, LeftoverRequest};
use tower_tus_layers::sweep::{SweepOptions, SweepReport, Sweeper};

use super::*;
use crate::store::object::clean;
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

pub(super) async fn found(store: &ObjectStore) -> Vec<(String, LeftoverKind)> {
    let found = leftovers(store, 1_000).await.into_iter();
    found.map(|it| (it.name, it.kind)).collect()
}

pub(super) async fn sweep(store: &ObjectStore) -> Result<SweepReport, Error> {
    let sweeper = Sweeper::new(store.clone(), store.locker());
    sweeper.sweep(&any_age()).await
}

fn any_age() -> SweepOptions {
    SweepOptions::default().older_than(Duration::ZERO)
}

/// Removes everything that is left, and checks that uploads have all else.
pub(super) async fn sweep_all(bucket: &Bucket) {
    let store = store(bucket);
    let report = sweep(&store).await.unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(report.kept.is_empty(), "{report:?}");
    assert_eq!(unowned(bucket).await, [""; 0]);
    assert_eq!(found(&store).await, []);
}

/// Returns what a state says about bytes.
pub(super) async fn state_of(bucket: &Bucket, id: &UploadId) -> Option<State> {
    let info = Info::read(bucket, &Keys::new("", id)).await.ok()?;
    let mut state = info.state;
    (state.epoch, state.token) = (0, String::new());
    (!state.gone).then_some(state)
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
        let page = clean::page(&store(&bucket), after.as_deref(), 1_000, 1).await;
        let page = page.unwrap();
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
    let key = random();
    begin(&bucket, &key).await;
    put(&bucket, &key).await;
    let info = format!(r#"{{"ID":"z+m","Size":9,"Storage":{{"Key":"{key}"}}}}"#);
    bucket.put_foreign("z.info", info.leak().as_bytes()).await;
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
