//! The mark under durability `offset`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::pin::pin;

use bytes::Bytes;
use tower_tus_layers::protocol::{Chunk, Error};
use tower_tus_layers::store::{AppendError, Reader, Store, WriteMode};

use super::append::Witness;
use super::{Fixture, Frames, append, append_all};
use crate::store::file::{Durability, FileStore};

const MIB: usize = 1 << 20;

fn files() -> Fixture {
    let mut files = Fixture::new();
    files.store = files.store.durability(Durability::Offset);
    files
}

#[tokio::test]
async fn under_offset_nobody_sees_bytes_that_are_not_synced() {
    let files = files();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;
    let (other, id) = (FileStore::new(files.dir.path()), "a".parse().unwrap());
    let runtime = tokio::runtime::Handle::current();
    let mut looked = false;
    let mut chunk = pin!(Witness(Some(vec![b'#'; MIB].into()), || {
        assert_eq!(files.read("a").len(), 5 + MIB);
        std::thread::scope(|scope| {
            let look = || {
                let found = runtime.block_on(files.store.open(&id)).unwrap();
                let read = runtime.block_on(files.store.read(&id)).unwrap();
                let elsewhere = runtime.block_on(other.open(&id)).unwrap();
                [found.info(), read.upload(), elsewhere.info()].map(|upload| upload.offset.get())
            };
            assert_eq!(scope.spawn(look).join().unwrap(), [5; 3]);
        });
        looked = true;
    }));
    let appended = handle
        .append(Chunk::new(&mut chunk), WriteMode::Streaming.into())
        .await;
    assert!(looked && matches!(appended.error, Some(AppendError::Body(Error::Interrupted))));
    assert_eq!(appended.offset.get(), 5 + MIB as u64, "it is synced by now");
    assert_eq!(files.offset("a").await, 5 + MIB as u64);
    assert!(!files.path("a.chunk").exists());
}

#[tokio::test]
async fn under_offset_the_mark_moves_forward_with_what_is_synced() {
    let files = files();
    let mut handle = files.create("a").await;
    let mut moved = Vec::new();
    let frames = (0..70).map(|_| Bytes::from(vec![b'#'; MIB]));
    let mut frames = frames.collect::<Vec<_>>().into_iter();
    let body = futures_util::stream::poll_fn(|_| {
        if let Ok(mark) = fs::read_to_string(files.path("a.chunk"))
            && moved.last() != Some(&mark)
        {
            moved.push(mark);
        }
        std::task::Poll::Ready(frames.next().map(|frame| Ok(http_body::Frame::data(frame))))
    });
    let mut body = http_body_util::StreamBody::new(body);
    let appended = handle
        .append(Chunk::new(&mut body), WriteMode::Streaming.into())
        .await;
    assert!(appended.error.is_none(), "{appended:?}");
    assert_eq!(
        moved,
        ["0\n", "0\n33554432\n", "0\n33554432\n67108864\n"],
        "after 32 and 64 MiB"
    );
    assert!(!files.path("a.chunk").exists());
}

#[tokio::test]
async fn a_mark_that_a_kill_left_is_the_offset_and_the_place_to_go_on() {
    for (mark, offset) in [("2\n", 2), ("2\n4\n", 4), ("2\n4\n6", 4), ("2\n\0\0", 2)] {
        let files = files();
        let mut handle = files.create("a").await;
        append_all(&mut *handle, "01234567").await;
        files.write("a.chunk", mark);
        let store = FileStore::new(files.dir.path()).durability(Durability::Offset);
        let mut handle = store.open(&"a".parse().unwrap()).await.unwrap();
        assert_eq!(handle.info().offset, offset, "{mark:?}");
        append_all(&mut *handle, "x").await;
        let expected = [&"01234567"[..offset as usize], "x"].concat();
        assert_eq!(files.read("a"), expected.as_bytes(), "{mark:?}");
    }
}

#[tokio::test]
async fn the_mark_has_the_mode_of_all_files() {
    for mode in [0o600, 0o640] {
        let mut files = files();
        files.store = files.store.file_mode(mode);
        let mut handle = files.create("a").await;
        let mut looked = false;
        // A frame that fills a batch is written before the next one is polled.
        let frame = vec![0; MIB].into();
        let mut chunk = pin!(Witness(Some(frame), || {
            let found = fs::metadata(files.path("a.chunk")).unwrap();
            assert_eq!(found.permissions().mode() & 0o777, mode);
            looked = true;
        }));
        let appended = handle
            .append(Chunk::new(&mut chunk), WriteMode::Streaming.into())
            .await;
        assert!(looked, "{appended:?}");
    }
}

#[tokio::test]
async fn a_chunk_that_a_checksum_refuses_is_gone_under_offset_too() {
    let files = files();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;
    let before = files.everything();
    let chunk = Frames::of(["wor"]).then(Err(Error::ChecksumMismatch));
    let appended = append(&mut *handle, chunk, WriteMode::Atomic).await;
    assert_eq!(appended.offset, 5);
    assert_eq!(files.everything(), before);
}
