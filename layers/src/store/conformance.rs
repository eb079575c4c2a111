//! What every [`Store`] has to do, as tests that panic where it does not.
//!
//! A back end runs [`run`] against itself, in the manner of
//! [`MemoryStore`](super::MemoryStore)'s own test:
//!
//! ```
//! use std::sync::Arc;
//! use tower_tus_layers::store::{MemoryStore, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = MemoryStore::default();
//! conformance::run(|| Arc::new(store.clone())).await;
//! # }
//! ```

mod concatenation;

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::{Appended, Content, Handle, Store, WriteMode};
use crate::protocol::{Error, FinishState, Metadata, NewUpload, UploadId};

/// Runs the whole suite.
///
/// `open` opens the same storage again and again: what one store has stored,
/// the next one has to find.
///
/// # Panics
///
/// Where the store does not do what it has to.
pub async fn run(open: impl Fn() -> Arc<dyn Store>) {
    a_new_upload_is_found_with_all_that_was_said_of_it(&open).await;
    an_unknown_upload_is_not_found(&open).await;
    an_id_is_given_once(&open).await;
    an_id_may_have_segments(&open).await;
    chunks_stand_one_after_the_other(&open).await;
    what_came_before_an_error_is_kept(&open).await;
    of_a_chunk_that_is_kept_only_whole_nothing_remains(&open).await;
    a_chunk_in_flight_that_is_kept_only_whole_is_not_seen(&open).await;
    an_empty_chunk_changes_nothing(&open).await;
    finishing_is_recorded(&open).await;
    if open().defers_length() {
        a_length_is_declared_later(&open).await;
    }
    if open().terminate().is_some() {
        a_terminated_upload_is_gone(&open).await;
    }
    if open().read().is_some() {
        what_is_stored_is_read_whole_and_in_ranges(&open).await;
        what_was_opened_to_be_read_stays_what_it_is(&open).await;
        an_unknown_upload_cannot_be_read(&open).await;
    }
    if open().read().is_some() && open().terminate().is_some() {
        what_was_opened_to_be_read_outlives_the_upload(&open).await;
    }
    if open().concatenate().is_some() {
        concatenation::run(&open).await;
    }
}

/// A chunk that yields what it is told, frame by frame.
#[derive(Debug, Default)]
struct Frames(VecDeque<Result<Bytes, Error>>);

impl Frames {
    fn of<const N: usize>(frames: [&'static str; N]) -> Self {
        Self(frames.into_iter().map(|text| Ok(text.into())).collect())
    }

    fn then(mut self, error: Error) -> Self {
        self.0.push_back(Err(error));
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(self.0.pop_front().map(|frame| frame.map(Frame::data)))
    }
}

async fn append(handle: &mut dyn Handle, chunk: Frames, keep: WriteMode) -> Appended {
    let chunk = pin!(chunk);
    handle.append(chunk, keep).await
}

async fn create(store: &dyn Store, length: u64) -> Box<dyn Handle> {
    let new = NewUpload::new(Some(length), Metadata::default());
    store.create(new).await.expect("an upload can be created")
}

async fn offset(store: &dyn Store, id: &UploadId) -> u64 {
    let handle = store.open(id).await.expect("the upload is found");
    handle.info().offset
}

async fn a_new_upload_is_found_with_all_that_was_said_of_it(open: &impl Fn() -> Arc<dyn Store>) {
    let metadata = Metadata::parse(b"name d29ybGQ= , flag").expect("the metadata is well formed");
    let mut new = NewUpload::new(Some(10), metadata.clone());
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    let created = open().create(new).await.expect("an upload can be created");

    let found = open()
        .open(&created.info().id)
        .await
        .expect("the upload is found");
    assert_eq!(
        found.info(),
        created.info(),
        "it is found as it was created"
    );
    assert_eq!(found.info().offset, 0, "nothing is stored yet");
    assert_eq!(found.info().length, Some(10));
    assert_eq!(
        found.info().metadata.raw(),
        metadata.raw(),
        "CRE-12: the metadata's exact text is kept"
    );
    assert_eq!(
        found.info().finishing,
        Some(FinishState::Pending { attempts: 0 })
    );
}

async fn an_unknown_upload_is_not_found(open: &impl Fn() -> Arc<dyn Store>) {
    for id in [UploadId::random(), below(&UploadId::random(), "b/c")] {
        let found = open().open(&id).await;
        assert!(
            matches!(found, Err(Error::NotFound)),
            "{id} was found: {found:?}"
        );
    }
}

/// The id of which `outer` is a proper prefix.
fn below(outer: &UploadId, rest: &str) -> UploadId {
    format!("{outer}/{rest}").parse().expect("it is an id")
}

async fn an_id_is_given_once(open: &impl Fn() -> Arc<dyn Store>) {
    let store = open();
    let mut first = create(&*store, 5).await;
    let id = first.info().id.clone();
    append_whole(&mut *first, "first").await;

    let taken = [id.clone(), below(&id, "b"), below(&id, "b/c")];
    for id in taken {
        let mut again = NewUpload::new(Some(7), Metadata::default());
        again.id = id.clone();
        let again = store.create(again).await;
        assert!(
            matches!(again, Err(Error::UploadExists)),
            "{id} was given again: {again:?}"
        );
    }
    let found = store.open(&id).await.expect("the first one is still there");
    assert_eq!((found.info().offset, found.info().length), (5, Some(5)));
    for id in [below(&id, "b"), below(&id, "b/c")] {
        let found = store.open(&id).await;
        assert!(
            matches!(found, Err(Error::NotFound)),
            "{id} was found: {found:?}"
        );
    }
}

async fn an_id_may_have_segments(open: &impl Fn() -> Arc<dyn Store>) {
    let outer = UploadId::random();
    let mut new = NewUpload::new(Some(5), Metadata::default());
    new.id = below(&outer, "deep/down");
    let mut handle = open().create(new).await.expect("an id may have segments");
    append_whole(&mut *handle, "hello").await;
    assert_eq!(offset(&*open(), &handle.info().id).await, 5);

    for id in [outer.clone(), below(&outer, "deep")] {
        let found = open().open(&id).await;
        assert!(
            matches!(found, Err(Error::NotFound)),
            "{id} was found: {found:?}"
        );
        let mut new = NewUpload::new(Some(5), Metadata::default());
        new.id = id.clone();
        let created = open().create(new).await;
        assert!(
            matches!(created, Err(Error::UploadExists)),
            "{id} was given: {created:?}"
        );
    }
}

async fn append_whole(handle: &mut dyn Handle, text: &'static str) {
    let before = handle.info().offset;
    let appended = append(handle, Frames::of([text]), WriteMode::Streaming).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.offset, before + text.len() as u64);
}

async fn chunks_stand_one_after_the_other(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    let id = handle.info().id.clone();
    let appended = append(
        &mut *handle,
        Frames::of(["he", "", "llo"]),
        WriteMode::Streaming,
    )
    .await;
    assert_eq!(appended.offset, 5);
    append_whole(&mut *handle, " ").await;

    let mut again = open().open(&id).await.expect("the upload is found");
    assert_eq!(again.info().offset, 6);
    let appended = append(&mut *again, Frames::of(["world"]), WriteMode::Atomic).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.offset, 11);
    assert!(
        again.info().is_complete(),
        "a handle sees what it has changed"
    );
    assert_eq!(offset(&*open(), &id).await, 11);
}

async fn what_came_before_an_error_is_kept(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    let chunk = Frames::of(["hel", "lo"]).then(Error::Interrupted);
    let appended = append(&mut *handle, chunk, WriteMode::Streaming).await;
    assert!(
        matches!(appended.error, Some(Error::Interrupted)),
        "the body's own error is told"
    );
    assert_eq!(appended.offset, 5, "CORE-31: what came is kept");
    assert_eq!(offset(&*open(), &handle.info().id).await, 5);
}

async fn of_a_chunk_that_is_kept_only_whole_nothing_remains(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    append_whole(&mut *handle, "hello").await;
    let chunk = Frames::of([" wo", "r"]).then(Error::Interrupted);
    let appended = append(&mut *handle, chunk, WriteMode::Atomic).await;
    assert!(matches!(appended.error, Some(Error::Interrupted)));
    assert_eq!(
        appended.offset, 5,
        "CHK-07: the offset is where the chunk began"
    );
    assert_eq!(handle.info().offset, 5);

    let mut again = open()
        .open(&handle.info().id)
        .await
        .expect("the upload is found");
    assert_eq!(again.info().offset, 5);
    append_whole(&mut *again, " world").await;
    assert_eq!(offset(&*open(), &again.info().id).await, 11);
}

/// A chunk that looks at the store after its first frame.
struct Watching<'a, T> {
    frames: Frames,
    look: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    seen: Option<T>,
}

impl<T: Send + Unpin> Body for Watching<'_, T> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.frames.0.len() == 1 && self.seen.is_none() {
            let seen = std::task::ready!(self.look.as_mut().poll(cx));
            self.seen = Some(seen);
        }
        Pin::new(&mut self.frames).poll_frame(cx)
    }
}

async fn a_chunk_in_flight_that_is_kept_only_whole_is_not_seen(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 10).await;
    append_whole(&mut *handle, "hello").await;
    let (store, id) = (open(), handle.info().id.clone());
    let mut chunk = pin!(Watching {
        frames: Frames::of(["wo", "rld"]),
        look: Box::pin(async move { offset(&*store, &id).await }),
        seen: None,
    });
    let appended = handle.append(chunk.as_mut(), WriteMode::Atomic).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.offset, 10);
    assert_eq!(
        chunk.seen,
        Some(5),
        "who looks meanwhile sees where the chunk began"
    );
}

async fn an_empty_chunk_changes_nothing(open: &impl Fn() -> Arc<dyn Store>) {
    for keep in [WriteMode::Streaming, WriteMode::Atomic] {
        let mut handle = create(&*open(), 5).await;
        let appended = append(&mut *handle, Frames::default(), keep).await;
        assert!(appended.error.is_none(), "{:?}", appended.error);
        assert_eq!(appended.offset, 0);
        assert_eq!(offset(&*open(), &handle.info().id).await, 0);
    }
}

async fn finishing_is_recorded(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 5).await;
    assert_eq!(handle.info().finishing, None, "nothing is recorded unasked");
    append_whole(&mut *handle, "hello").await;
    for finishing in [FinishState::Pending { attempts: 2 }, FinishState::Done] {
        handle.record(finishing).await.expect("it can be recorded");
        assert_eq!(handle.info().finishing, Some(finishing));
        let again = open()
            .open(&handle.info().id)
            .await
            .expect("the upload is found");
        assert_eq!(again.info(), handle.info());
    }
    for time in ["once", "again"] {
        let finished = handle.finish().await;
        assert!(
            finished.is_ok(),
            "a complete upload is finished {time}: {finished:?}"
        );
    }
}

async fn a_length_is_declared_later(open: &impl Fn() -> Arc<dyn Store>) {
    let new = NewUpload::new(None, Metadata::default());
    let mut handle = open().create(new).await.expect("a length can be deferred");
    append_whole(&mut *handle, "hello").await;
    assert_eq!(
        open().open(&handle.info().id).await.unwrap().info().length,
        None
    );
    handle
        .declare_length(10)
        .await
        .expect("the length can be declared");
    assert_eq!(handle.info().length, Some(10));

    let again = open()
        .open(&handle.info().id)
        .await
        .expect("the upload is found");
    assert_eq!((again.info().offset, again.info().length), (5, Some(10)));
    append_whole(&mut *handle, "world").await;
    assert!(handle.info().is_complete());
}

async fn a_terminated_upload_is_gone(open: &impl Fn() -> Arc<dyn Store>) {
    for text in ["hello", "all bytes."] {
        let mut handle = create(&*open(), 10).await;
        let id = handle.info().id.clone();
        append_whole(&mut *handle, text).await;
        let store = open();
        let terminate = store.terminate().expect("it was there a moment ago");
        terminate
            .terminate(&id)
            .await
            .expect("TERM-05: it ends in any state");
        assert!(
            matches!(open().open(&id).await, Err(Error::NotFound)),
            "TERM-04"
        );
        let again = terminate.terminate(&id).await;
        assert!(
            matches!(again, Err(Error::NotFound)),
            "it ended twice: {again:?}"
        );
    }
}

async fn read(store: &dyn Store, id: &UploadId) -> Result<Box<dyn Content>, Error> {
    let read = store.read().expect("it was there a moment ago");
    read.read(id).await
}

/// All bytes of a range, in the pieces in which the store gives them.
async fn bytes(content: &dyn Content, mut range: Range<u64>) -> String {
    let mut text = Vec::new();
    while !range.is_empty() {
        let piece = content.bytes(range.clone()).await;
        let piece = piece.expect("what is stored can be read");
        let most = range.end - range.start;
        assert!(
            (1..=most).contains(&(piece.len() as u64)),
            "of {range:?} came {} bytes",
            piece.len()
        );
        range.start += piece.len() as u64;
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).expect("only text was stored")
}

async fn what_is_stored_is_read_whole_and_in_ranges(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 20).await;
    append_whole(&mut *handle, "hello").await;
    append_whole(&mut *handle, " world").await;
    let content = read(&*open(), &handle.info().id).await;
    let content = content.expect("the upload is found");
    assert_eq!(content.info(), handle.info());
    for (range, text) in [
        (0..11, "hello world"),
        (0..1, "h"),
        (4..7, "o w"),
        (10..11, "d"),
        (6..11, "world"),
    ] {
        assert_eq!(bytes(&*content, range).await, text);
    }
}

async fn what_was_opened_to_be_read_stays_what_it_is(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 10).await;
    append_whole(&mut *handle, "hello").await;
    let (store, id) = (open(), handle.info().id.clone());
    let look = async {
        let content = read(&*store, &id).await.expect("the upload is found");
        assert_eq!(content.info().offset, 5, "this is where the chunk began");
        let text = bytes(&*content, 0..5).await;
        (content, text)
    };
    let mut chunk = pin!(Watching {
        frames: Frames::of(["wo", "rld"]),
        look: Box::pin(look),
        seen: None,
    });
    let appended = handle.append(chunk.as_mut(), WriteMode::Atomic).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);

    let (content, text) = chunk.seen.take().expect("it looked");
    assert_eq!(text, "hello");
    assert_eq!(content.info().offset, 5, "it has not grown");
    assert_eq!(bytes(&*content, 0..5).await, "hello");
    let again = read(&*open(), &id).await.expect("the upload is found");
    assert_eq!(bytes(&*again, 0..again.info().offset).await, "helloworld");
    if let (Some(before), Some(after)) = (content.modified(), again.modified()) {
        assert!(before <= after, "it was changed before it was");
    }
}

async fn an_unknown_upload_cannot_be_read(open: &impl Fn() -> Arc<dyn Store>) {
    let found = read(&*open(), &UploadId::random()).await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
}

async fn what_was_opened_to_be_read_outlives_the_upload(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    append_whole(&mut *handle, "hello world").await;
    let (store, id) = (open(), handle.info().id.clone());
    let content = read(&*store, &id).await.expect("the upload is found");
    assert_eq!(bytes(&*content, 0..5).await, "hello");
    let terminate = store.terminate().expect("it was there a moment ago");
    terminate.terminate(&id).await.expect("it can be ended");
    assert_eq!(bytes(&*content, 5..11).await, " world");
    let found = read(&*store, &id).await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
}
