//! Appending bytes.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tower_tus_layers::protocol::{Chunk, Error, Length, Metadata, NewUpload};
use tower_tus_layers::store::{AppendError, Store, WriteMode};

use super::{DURABILITIES, Fixture, Frames, append, append_all};
use crate::store::file::Durability;

#[tokio::test]
async fn a_chunk_that_a_crash_cut_short_is_taken_back_by_the_next_one() {
    for (durability, keep) in
        DURABILITIES
            .into_iter()
            .zip([WriteMode::Streaming, WriteMode::Atomic, WriteMode::Atomic])
    {
        let mut files = Fixture::new();
        files.store = files.store.durability(durability);
        let mut handle = files.create("a").await;
        append_all(&mut *handle, "hello").await;
        files.write("a", "hello wo#");
        files.write("a.chunk", "5\n");
        let before = files.everything();

        let mut handle = files.open("a").await.unwrap();
        assert_eq!(handle.info().offset, 5);
        assert_eq!(files.everything(), before, "to look changes nothing");

        let appended = append(&mut *handle, Frames::of(["WORLD"]), keep).await;
        assert!(appended.error.is_none(), "{:?}", appended.error);
        assert_eq!(appended.offset, 10);
        assert_eq!(files.read("a"), b"helloWORLD");
        assert!(!files.path("a.chunk").exists());
        assert_eq!(files.offset("a").await, 10);
    }
}

#[tokio::test]
async fn a_chunk_that_a_crash_cut_short_is_taken_back_when_no_other_comes() {
    let files = Fixture::new();
    let new = NewUpload::new(None, Metadata::default());
    let mut handle = files.store.create(new).await.unwrap();
    append_all(&mut *handle, "hello").await;
    let id = handle.info().id.to_string();
    files.write(&id, "hello wo#");
    files.write(&format!("{id}.chunk"), "5\n");

    let mut handle = files.open(&id).await.unwrap();
    handle.declare_length(Length::from(5)).await.unwrap();
    assert!(handle.info().is_complete());
    assert_eq!(files.read(&id), b"hello");
    assert!(!files.path(format!("{id}.chunk")).exists());
}

/// A body of one frame that inspects the disk before it fails.
pub(super) struct Witness<F>(pub(super) Option<Bytes>, pub(super) F);

impl<F: FnMut() + Unpin> Body for Witness<F> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(bytes) = self.0.take() else {
            (self.1)();
            return Poll::Ready(Some(Err(Error::Interrupted)));
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn the_mark_stands_before_the_first_byte_and_goes_after_the_last() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    append_all(&mut *handle, "hello").await;

    let batch = vec![b'#'; 1 << 20];
    let mut looked = false;
    let mut chunk = pin!(Witness(Some(batch.into()), || {
        assert_eq!(files.read("a.chunk"), b"5\n");
        assert_eq!(
            files.read("a").len(),
            5 + (1 << 20),
            "a full batch is written at once"
        );
        looked = true;
    }));
    let appended = handle
        .append(Chunk::new(&mut chunk), WriteMode::Atomic.into())
        .await;
    assert!(
        looked && matches!(appended.error, Some(AppendError::Body(Error::Interrupted))),
        "{appended:?}"
    );
    assert_eq!(appended.offset, 5);
    assert_eq!(files.read("a"), b"hello");
    assert!(!files.path("a.chunk").exists());
}

#[tokio::test]
async fn a_chunk_does_not_go_on_where_the_file_does_not_end() {
    for keep in [WriteMode::Streaming, WriteMode::Atomic] {
        let files = Fixture::new();
        let mut handle = files.create("a").await;
        append_all(&mut *handle, "hello").await;
        files.write("a", "hel");

        let frame = vec![0; 1 << 20];
        let mut chunk = Frames::of([frame.clone(), frame]);
        let appended = handle.append(Chunk::new(&mut chunk), keep.into()).await;
        let Some(AppendError::Store(Error::MismatchedOffset { current })) = appended.error else {
            panic!("{:?}", appended.error);
        };
        assert_eq!(current, 3);
        assert_eq!(appended.offset, 3);
        assert_eq!(handle.info().offset, 3);
        assert_eq!(files.read("a"), b"hel");
        assert!(!files.path("a.chunk").exists());
        assert_eq!(chunk.0.len(), 2, "nothing is read that cannot be stored");
    }
}

#[tokio::test]
async fn many_small_frames_and_few_large_ones_are_stored_byte_by_byte() {
    let small: Vec<_> = (0..5000_u32).map(|n| vec![n.to_le_bytes()[0]]).collect();
    let large: Vec<_> = (0..3_u8)
        .map(|n| (0..3 << 20).map(|i: u32| n ^ i.to_le_bytes()[1]).collect())
        .collect();
    for frames in [small, large] {
        let expected = frames.concat();
        for (durability, keep) in [
            (Durability::None, WriteMode::Streaming),
            (Durability::Offset, WriteMode::Atomic),
        ] {
            let mut files = Fixture::new();
            files.store = files.store.durability(durability);
            let mut handle = files.create("a").await;
            let appended = append(&mut *handle, Frames::of(frames.clone()), keep).await;
            assert!(appended.error.is_none(), "{:?}", appended.error);
            assert_eq!(appended.offset, expected.len() as u64);
            assert!(files.read("a") == expected, "the bytes differ");
        }
    }
}

#[tokio::test]
async fn what_came_with_an_error_is_stored_and_trailers_are_not() {
    let files = Fixture::new();
    let mut handle = files.create("a").await;
    let trailers = Frame::trailers(HeaderMap::new());
    let chunk = Frames::of(["hel", "", "lo"]).then(Ok(trailers));
    let appended = append(&mut *handle, chunk, WriteMode::Streaming).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);

    let chunk = Frames::of([" wor"]).then(Err(Error::Shutdown));
    let appended = append(&mut *handle, chunk, WriteMode::Streaming).await;
    assert!(matches!(
        appended.error,
        Some(AppendError::Body(Error::Shutdown))
    ));
    assert_eq!(appended.offset, 9);
    assert_eq!(files.read("a"), b"hello wor");
}
