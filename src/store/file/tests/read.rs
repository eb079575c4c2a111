//! Reading stored bytes while the upload changes.

use std::fs::{self, OpenOptions};
use std::future::poll_fn;
use std::ops::Range;
use std::path::Path;
use std::task::Poll;

use bytes::Bytes;
use tokio::runtime::worker_index;
use tower_tus_layers::protocol::Error;
use tower_tus_layers::store::{Content, Handle, Reader, Store, WriteMode};

use super::{Fixture, Frames, append, append_all, is_not_found, new};
use crate::fs::sim::{self, Disk, Kind, Verdict};
use crate::fs::sys;
use crate::store::file::{FileStore, Offload};

async fn read(files: &Fixture, id: &str) -> Result<Box<dyn Content>, Error> {
    Reader::read(&files.store, &id.parse().unwrap()).await
}

/// Appends more than is read when an upload is opened.
async fn append_large(handle: &mut dyn Handle) {
    let large = Frames::of(["hello".repeat(4000)]);
    let appended = append(handle, large, WriteMode::Streaming).await;
    assert!(appended.error.is_none());
}

/// Whether a read ends within the first poll, so without the pool.
async fn is_at_once(content: &dyn Content, range: Range<u64>) -> bool {
    let mut read = content.bytes(range);
    let read = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
    match read {
        Poll::Ready(bytes) => bytes.unwrap().starts_with(b"hello"),
        Poll::Pending => false,
    }
}

/// Whether the kernel tells what is in memory of a file.
fn kernel_tells(path: &Path) -> bool {
    let file = sys::File::open_to_read(path).unwrap();
    file.read_at_once(0, &mut [0; 5]) == sys::AtOnce::Read(5)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_is_read_at_once_and_the_rest_on_the_pool() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_large(&mut *handle).await;
    let tells = kernel_tells(&files.path("a"));
    let content = read(&files, "a").await.unwrap();
    if tells {
        assert!(is_at_once(&*content, 0..20_000).await);
    }
    assert!(files.store.steps().may_run_inline());
    let always = files.store.clone().offload(Offload::Always);
    assert!(!always.steps().may_run_inline());

    // This disk does not tell.
    let disk = Disk::new();
    let store = FileStore::new(disk.root());
    let mut handle = store.create(new("a")).await.unwrap();
    append_large(&mut *handle).await;
    let content = store.read(&"a".parse().unwrap()).await.unwrap();
    disk.rule(|call| {
        assert_eq!((call.kind, worker_index()), (Kind::Read, None));
        Verdict::Pass
    });
    let read = async move { content.bytes(0..20_000).await.unwrap() };
    let bytes = tokio::spawn(read).await.unwrap();
    assert_eq!(bytes, "hello".repeat(4000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_does_not_tell_what_is_in_memory_is_asked_once() {
    let disk = Disk::new();
    let store = FileStore::new(disk.root());
    let mut handle = store.create(new("a")).await.unwrap();
    append_all(&mut *handle, "hello").await;
    let seen = sys::look(&disk.root().join("a")).unwrap().unwrap();
    assert!(!store.refusals.include(seen));
    let content = store.read(&"a".parse().unwrap()).await.unwrap();
    assert!(store.refusals.include(seen));
    assert_eq!(content.bytes(0..5).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_small_upload_is_read_when_it_is_opened() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "helloworld").await;
    let tells = kernel_tells(&files.path("a"));
    let content = read(&files, "a").await.unwrap();
    let data = OpenOptions::new().write(true).open(files.path("a"));
    data.unwrap().set_len(3).unwrap();
    assert_eq!(content.bytes(2..10).await.is_ok(), tells);
    assert_eq!(content.bytes(0..3).await.unwrap(), "hel");
}

#[test]
fn an_upload_whose_bytes_are_at_their_place_is_opened_without_a_look_before() {
    let disk = Disk::new();
    sim::run(async {
        let store = FileStore::new(disk.root());
        let mut handle = store.create(new("a")).await.unwrap();
        append_all(&mut *handle, "hello").await;
        let before = disk.calls().len();
        store.read(&"a".parse().unwrap()).await.unwrap();
        let calls = disk.calls()[before..].to_vec();
        let kinds: Vec<_> = calls.iter().map(|call| call.kind).collect();
        let data = kinds.iter().filter(|kind| **kind == Kind::Open).count();
        assert_eq!(
            data, 3,
            "the description, the bytes and the mark: {kinds:?}"
        );
        let looks = kinds.iter().filter(|kind| **kind == Kind::Stat).count();
        assert!(looks <= 3, "{kinds:?}");
    });
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_no_upload_and_stops_no_reader() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let files = Fixture::new();
    for id in ["pipe", "dir"] {
        files.write(
            &format!("{id}.info"),
            &format!(r#"{{"ID":"{id}","Size":5}}"#),
        );
    }
    let mode = Mode::from_raw_mode(0o644);
    mknodat(CWD, files.path("pipe"), FileType::Fifo, mode, 0).unwrap();
    fs::create_dir(files.path("dir")).unwrap();
    for id in ["pipe", "dir"] {
        assert!(is_not_found(&read(&files, id).await), "{id}");
    }
}

#[tokio::test]
async fn reading_changes_nothing_not_even_what_a_crash_left() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;
    append_all(&mut *handle, "wor").await;
    files.write("a.chunk", "5\n");
    let before = files.everything();
    let content = read(&files, "a").await.unwrap();
    assert_eq!(content.upload().offset, 5, "the mark is the offset");
    assert_eq!(content.bytes(0..5).await.unwrap(), "hello");
    assert_eq!(files.everything(), before);
}

#[tokio::test]
async fn bytes_are_read_where_the_info_says_that_they_lie() {
    let files = Fixture::new();
    files.write("data.bin", "hello");
    let info = r#"{"ID":"a","Size":5,"MetaData":null,"Storage":{"Path":"data.bin"}}"#;
    files.write("a.info", info);
    let content = read(&files, "a").await.unwrap();
    assert_eq!(content.bytes(1..3).await.unwrap(), "el");
    let written = fs::metadata(files.path("data.bin")).unwrap().modified();
    assert_eq!(content.modified(), written.ok());
}

#[tokio::test]
async fn a_large_range_comes_in_pieces() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    let whole: Bytes = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let chunk = Frames::of([whole.clone()]);
    let appended = append(&mut *handle, chunk, WriteMode::Streaming).await;
    assert!(appended.error.is_none());
    let content = read(&files, "a").await.unwrap();
    for start in [0, 1, 4_095, 999_999] {
        let piece = content.bytes(start as u64..1_000_000).await.unwrap();
        assert_eq!(piece, whole[start..start + piece.len()]);
        assert!(piece.len() <= 256 << 10, "{}", piece.len());
    }
}

#[tokio::test]
async fn bytes_that_are_taken_away_meanwhile_are_an_error() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_large(&mut *handle).await;
    let content = read(&files, "a").await.unwrap();
    let data = OpenOptions::new().write(true).open(files.path("a"));
    data.unwrap().set_len(3).unwrap();
    assert_eq!(content.bytes(0..3).await.unwrap(), "hel");
    for range in [0..4, 2..10, 3..4, 8..10] {
        let read = content.bytes(range.clone()).await;
        assert!(matches!(read, Err(Error::Internal(_))), "{range:?}");
    }
}

#[tokio::test]
async fn what_has_no_bytes_or_no_info_is_not_found() {
    let files = Fixture::new();
    files.create("a").await;
    fs::remove_file(files.path("a")).unwrap();
    assert!(is_not_found(&read(&files, "a").await));
    files.write("b", "hello");
    assert!(is_not_found(&read(&files, "b").await));
}
