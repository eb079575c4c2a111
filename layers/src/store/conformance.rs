//! A test suite that every [`Store`] must pass.
//!
//! Call [`run`] in a test of your store. The suite needs the feature
//! `conformance`, which is best enabled only for `dev-dependencies`.
//!
//! ```
//! use tower_tus_layers::store::{MemoryStore, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = MemoryStore::default();
//! conformance::run(|| store.clone()).await;
//! # }
//! ```
//!
//! The name of each case is printed before the case runs. All cases run, and
//! the panic at the end lists those that have failed:
//!
//! ```text
//! store::conformance: 1 of 20 cases failed
//!   an_id_is_taken_once: 4af3/b was created again: Ok(..)
//! ```
//!
//! Cases for an optional capability run if the store has it.
//!
//! What a crash may break is tested by [`crash`].

mod concatenation;
pub mod crash;
mod listing;

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};
use http_body::{Body, Frame};

use super::{AppendError, Appended, Content, Handle, Store, WriteMode};
use crate::protocol::{
    Chunk, Completion, Error, FinishState, Length, Metadata, NewUpload, Offset, ResponseOverride,
    Upload, UploadId,
};
use crate::suite::{Suite, cases};

/// Runs the whole suite.
///
/// `open` is called many times, and must open the same storage each time:
/// uploads that one store has created must be found by the next one. The
/// uploads have random ids, and are not removed.
///
/// # Panics
///
/// If the store fails a case; the message lists the failed cases.
pub async fn run<S: Store>(open: impl Fn() -> S) {
    let open = || Arc::new(open()) as Arc<dyn Store>;
    let open = &open;
    let mut suite = Suite::new("store::conformance");
    cases!(suite, open;
        a_new_upload_is_found_as_it_was_created,
        an_unknown_upload_is_not_found,
        an_id_is_taken_once,
        an_id_may_have_segments,
        chunks_follow_each_other,
        bytes_before_an_error_are_kept,
        an_atomic_chunk_that_fails_leaves_nothing,
        an_atomic_chunk_is_invisible_while_it_arrives,
        an_empty_chunk_changes_nothing,
        the_finish_state_is_recorded,
        the_finish_state_is_recorded_with_an_answer,
        the_client_declares_an_upload_complete,
    );
    let store = open();
    if store.defers_length() {
        cases!(suite, open; a_deferred_length_is_declared_later);
    }
    if store.terminator().is_some() {
        cases!(suite, open; a_terminated_upload_is_gone);
    }
    if store.reader().is_some() {
        cases!(suite, open;
            bytes_are_read_whole_and_in_ranges,
            opened_content_does_not_change,
            an_unknown_upload_cannot_be_read,
        );
    }
    if store.reader().is_some() && store.terminator().is_some() {
        cases!(suite, open; opened_content_outlives_its_upload);
    }
    if store.concatenator().is_some() {
        concatenation::run(&mut suite, open).await;
    }
    if store.lister().is_some() {
        listing::run(&mut suite, open).await;
    }
    suite.finish();
}

/// A body that yields these frames.
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

async fn append(handle: &mut dyn Handle, mut chunk: Frames, mode: WriteMode) -> Appended {
    handle.append(Chunk::new(&mut chunk), mode.into()).await
}

async fn create(store: &dyn Store, length: u32) -> Box<dyn Handle> {
    let new = NewUpload::new(Some(length.into()), Metadata::default());
    store.create(new).await.expect("an upload can be created")
}

/// Returns the upload without the time of its last change, which a handle need not know
/// before it is opened again.
fn state(upload: &Upload) -> Upload {
    let mut upload = upload.clone();
    upload.modified = None;
    upload
}

async fn offset(store: &dyn Store, id: &UploadId) -> Offset {
    let handle = store.open(id).await.expect("the upload is found");
    handle.info().offset
}

async fn a_new_upload_is_found_as_it_was_created(open: &impl Fn() -> Arc<dyn Store>) {
    let metadata = Metadata::parse(b"name d29ybGQ= , flag").expect("the metadata is well formed");
    let mut new = NewUpload::new(Some(Length::from(10)), metadata.clone());
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    let created = open().create(new).await.expect("an upload can be created");

    let found = open()
        .open(&created.info().id)
        .await
        .expect("the upload is found");
    assert_eq!(
        state(found.info()),
        state(created.info()),
        "the upload is found as it was created"
    );
    assert_eq!(found.info().offset, 0, "nothing is stored yet");
    assert_eq!(found.info().length, Some(Length::from(10)));
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

/// Returns an id of which `outer` is a proper prefix.
fn below(outer: &UploadId, rest: &str) -> UploadId {
    format!("{outer}/{rest}").parse().expect("the id is valid")
}

async fn an_id_is_taken_once(open: &impl Fn() -> Arc<dyn Store>) {
    let store = open();
    let mut first = create(&*store, 5).await;
    let id = first.info().id.clone();
    append_whole(&mut *first, "first").await;

    let taken = [id.clone(), below(&id, "b"), below(&id, "b/c")];
    for id in taken {
        let mut again = NewUpload::new(Some(Length::from(7)), Metadata::default());
        again.id = id.clone();
        let again = store.create(again).await;
        assert!(
            matches!(again, Err(Error::UploadExists)),
            "{id} was created again: {again:?}"
        );
    }
    let found = store.open(&id).await.expect("the first one is still there");
    assert_eq!(
        (found.info().offset, found.info().length),
        (Offset::from(5), Some(Length::from(5)))
    );
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
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::default());
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
        let mut new = NewUpload::new(Some(Length::from(5)), Metadata::default());
        new.id = id.clone();
        let created = open().create(new).await;
        assert!(
            matches!(created, Err(Error::UploadExists)),
            "{id} was created: {created:?}"
        );
    }
}

async fn append_whole(handle: &mut dyn Handle, text: &'static str) {
    let before = handle.info().offset;
    let appended = append(handle, Frames::of([text]), WriteMode::Streaming).await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.offset.since(before), text.len() as u64);
}

async fn chunks_follow_each_other(open: &impl Fn() -> Arc<dyn Store>) {
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

async fn bytes_before_an_error_are_kept(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    let chunk = Frames::of(["hel", "lo"]).then(Error::Interrupted);
    let appended = append(&mut *handle, chunk, WriteMode::Streaming).await;
    assert!(
        matches!(appended.error, Some(AppendError::Body(Error::Interrupted))),
        "the body's own error is returned"
    );
    assert_eq!(appended.offset, 5, "CORE-31: these bytes are kept");
    assert_eq!(offset(&*open(), &handle.info().id).await, 5);
}

async fn an_atomic_chunk_that_fails_leaves_nothing(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    append_whole(&mut *handle, "hello").await;
    let chunk = Frames::of([" wo", "r"]).then(Error::Interrupted);
    let appended = append(&mut *handle, chunk, WriteMode::Atomic).await;
    assert!(matches!(
        appended.error,
        Some(AppendError::Body(Error::Interrupted))
    ));
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

/// A body that inspects the store after its first frame.
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

async fn an_atomic_chunk_is_invisible_while_it_arrives(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 10).await;
    append_whole(&mut *handle, "hello").await;
    let (store, id) = (open(), handle.info().id.clone());
    let mut chunk = pin!(Watching {
        frames: Frames::of(["wo", "rld"]),
        look: Box::pin(async move { offset(&*store, &id).await }),
        seen: None,
    });
    let appended = handle
        .append(Chunk::new(&mut chunk), WriteMode::Atomic.into())
        .await;
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.offset, 10);
    assert_eq!(
        chunk.seen,
        Some(Offset::from(5)),
        "meanwhile the offset is where the chunk began"
    );
}

async fn an_empty_chunk_changes_nothing(open: &impl Fn() -> Arc<dyn Store>) {
    for mode in [WriteMode::Streaming, WriteMode::Atomic] {
        let mut handle = create(&*open(), 5).await;
        let appended = append(&mut *handle, Frames::default(), mode).await;
        assert!(appended.error.is_none(), "{:?}", appended.error);
        assert_eq!(appended.offset, 0);
        assert_eq!(offset(&*open(), &handle.info().id).await, 0);
    }
}

async fn the_finish_state_is_recorded(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 5).await;
    assert_eq!(
        handle.info().finishing,
        None,
        "nothing is recorded by default"
    );
    append_whole(&mut *handle, "hello").await;
    for finishing in [
        FinishState::Failed,
        FinishState::Pending { attempts: 2 },
        FinishState::Done,
    ] {
        handle
            .record(finishing)
            .await
            .expect("the record can be written");
        assert_eq!(handle.info().finishing, Some(finishing));
        let again = open()
            .open(&handle.info().id)
            .await
            .expect("the upload is found");
        assert_eq!(state(again.info()), state(handle.info()));
    }
    for time in ["once", "again"] {
        let finished = handle.finish().await;
        assert!(
            finished.is_ok(),
            "a complete upload is finished {time}: {finished:?}"
        );
    }
}

/// Whether the store keeps the answer or not.
async fn the_finish_state_is_recorded_with_an_answer(open: &impl Fn() -> Arc<dyn Store>) {
    let cookie = |text| (SET_COOKIE, HeaderValue::from_static(text));
    let every_byte: Vec<u8> = (0..=255).collect();
    let whole = ResponseOverride::default()
        .with_status(StatusCode::ACCEPTED)
        .with_body(every_byte);
    let whole = [cookie("b=2"), cookie("a=1")]
        .into_iter()
        .fold(whole, |answer, (name, value)| {
            answer.with_header(name, value)
        });
    let status = ResponseOverride::default().with_status(StatusCode::CREATED);
    for answer in [whole, status] {
        let mut handle = create(&*open(), 5).await;
        append_whole(&mut *handle, "hello").await;
        let pending = FinishState::Pending { attempts: 0 };
        let recorded = handle.record(pending).await;
        recorded.expect("the record can be written");
        assert_eq!(handle.answer(), None, "there is no answer yet");

        let recorded = handle.record_finished(&answer).await;
        recorded.expect("the record can be written");
        assert_eq!(handle.info().finishing, Some(FinishState::Done));
        let again = open().open(&handle.info().id).await;
        let again = again.expect("the upload is found");
        assert_eq!(state(again.info()), state(handle.info()));
        assert_eq!(again.answer(), handle.answer());
        let kept = again.answer().unwrap_or_else(|| answer.clone());
        assert_eq!(kept, answer, "the answer is found as it was recorded");
    }
}

/// For stores that implement [`Handle::declare_complete`].
async fn the_client_declares_an_upload_complete(open: &impl Fn() -> Arc<dyn Store>) {
    for length in [Some(10), Some(5), None] {
        if length.is_none() && !open().defers_length() {
            continue;
        }
        let mut new = NewUpload::new(length.map(Length::from), Metadata::default());
        new.completion = Completion::ByClient { declared: false };
        let mut handle = open().create(new).await.expect("an upload can be created");
        append_whole(&mut *handle, "hello").await;
        match handle.declare_complete().await {
            Err(Error::NotImplemented) => return,
            declared => declared.expect("the upload can be declared complete"),
        }
        assert!(handle.info().is_complete());
        assert_eq!(handle.info().length, Some(Length::from(5)));
        let again = open()
            .open(&handle.info().id)
            .await
            .expect("the upload is found");
        assert_eq!(state(again.info()), state(handle.info()));
    }
}

async fn a_deferred_length_is_declared_later(open: &impl Fn() -> Arc<dyn Store>) {
    let new = NewUpload::new(None, Metadata::default());
    let mut handle = open().create(new).await.expect("a length can be deferred");
    append_whole(&mut *handle, "hello").await;
    assert_eq!(
        open().open(&handle.info().id).await.unwrap().info().length,
        None
    );
    handle
        .declare_length(Length::from(10))
        .await
        .expect("the length can be declared");
    assert_eq!(handle.info().length, Some(Length::from(10)));

    let again = open()
        .open(&handle.info().id)
        .await
        .expect("the upload is found");
    assert_eq!(
        (again.info().offset, again.info().length),
        (Offset::from(5), Some(Length::from(10)))
    );
    append_whole(&mut *handle, "world").await;
    assert!(handle.info().is_complete());
}

async fn a_terminated_upload_is_gone(open: &impl Fn() -> Arc<dyn Store>) {
    for text in ["hello", "all bytes."] {
        let mut handle = create(&*open(), 10).await;
        let id = handle.info().id.clone();
        append_whole(&mut *handle, text).await;
        let store = open();
        let terminate = store.terminator().expect("the capability is still there");
        terminate
            .terminate(&id)
            .await
            .expect("TERM-05: an upload in any state can be terminated");
        assert!(
            matches!(open().open(&id).await, Err(Error::NotFound)),
            "TERM-04"
        );
        let again = terminate.terminate(&id).await;
        assert!(
            matches!(again, Err(Error::NotFound)),
            "it was terminated twice: {again:?}"
        );
    }
}

async fn read(store: &dyn Store, id: &UploadId) -> Result<Box<dyn Content>, Error> {
    let read = store.reader().expect("the capability is still there");
    read.read(id).await
}

async fn bytes(content: &dyn Content, range: Range<u64>) -> String {
    let bytes = read_all(content, range).await;
    let bytes = bytes.expect("stored bytes can be read");
    String::from_utf8(bytes).expect("only text was stored")
}

/// Reads a whole range, in the pieces that the store returns.
async fn read_all(content: &dyn Content, mut range: Range<u64>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while !range.is_empty() {
        let piece = content.bytes(range.clone()).await?;
        let most = range.end - range.start;
        assert!(
            (1..=most).contains(&(piece.len() as u64)),
            "of {range:?} came {} bytes",
            piece.len()
        );
        range.start += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn bytes_are_read_whole_and_in_ranges(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 20).await;
    append_whole(&mut *handle, "hello").await;
    append_whole(&mut *handle, " world").await;
    let content = read(&*open(), &handle.info().id).await;
    let content = content.expect("the upload is found");
    assert_eq!(state(content.upload()), state(handle.info()));
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

async fn opened_content_does_not_change(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 10).await;
    append_whole(&mut *handle, "hello").await;
    let (store, id) = (open(), handle.info().id.clone());
    let look = async {
        let content = read(&*store, &id).await.expect("the upload is found");
        assert_eq!(
            content.upload().offset,
            5,
            "the offset is the beginning of the chunk"
        );
        let text = bytes(&*content, 0..5).await;
        (content, text)
    };
    let mut chunk = pin!(Watching {
        frames: Frames::of(["wo", "rld"]),
        look: Box::pin(look),
        seen: None,
    });
    let appended = handle
        .append(Chunk::new(&mut chunk), WriteMode::Atomic.into())
        .await;
    assert!(appended.error.is_none(), "{:?}", appended.error);

    let (content, text) = chunk.seen.take().expect("the store was read meanwhile");
    assert_eq!(text, "hello");
    assert_eq!(content.upload().offset, 5, "opened bytes do not grow");
    assert_eq!(bytes(&*content, 0..5).await, "hello");
    let again = read(&*open(), &id).await.expect("the upload is found");
    assert_eq!(
        bytes(&*again, 0..again.upload().offset.get()).await,
        "helloworld"
    );
    if let (Some(before), Some(after)) = (content.modified(), again.modified()) {
        assert!(before <= after, "the time of the last change moved back");
    }
}

async fn an_unknown_upload_cannot_be_read(open: &impl Fn() -> Arc<dyn Store>) {
    let found = read(&*open(), &UploadId::random()).await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
}

async fn opened_content_outlives_its_upload(open: &impl Fn() -> Arc<dyn Store>) {
    let mut handle = create(&*open(), 11).await;
    append_whole(&mut *handle, "hello world").await;
    let (store, id) = (open(), handle.info().id.clone());
    let content = read(&*store, &id).await.expect("the upload is found");
    assert_eq!(bytes(&*content, 0..5).await, "hello");
    let terminate = store.terminator().expect("the capability is still there");
    terminate
        .terminate(&id)
        .await
        .expect("the upload can be terminated");
    assert_eq!(bytes(&*content, 5..11).await, " world");
    let found = read(&*store, &id).await;
    assert!(matches!(found, Err(Error::NotFound)), "{found:?}");
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use async_trait::async_trait;

    use super::*;
    use crate::protocol::Upload;
    use crate::store::{AppendOptions, MemoryStore};

    /// A store that treats atomic chunks like any others, and forgets the
    /// finish state.
    #[derive(Clone, Debug)]
    struct Careless(MemoryStore);

    #[derive(Debug)]
    struct CarelessHandle(Box<dyn Handle>);

    #[async_trait]
    impl Store for Careless {
        async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
            Ok(Box::new(CarelessHandle(self.0.create(new).await?)))
        }

        async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
            Ok(Box::new(CarelessHandle(self.0.open(id).await?)))
        }
    }

    #[async_trait]
    impl Handle for CarelessHandle {
        fn info(&self) -> &Upload {
            self.0.info()
        }

        async fn append(&mut self, chunk: Chunk<'_>, _: AppendOptions) -> Appended {
            self.0.append(chunk, AppendOptions::default()).await
        }

        async fn record(&mut self, _: FinishState) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn a_store_that_fails_is_told_in_which_cases() {
        let store = Careless(MemoryStore::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let run = || runtime.unwrap().block_on(run(|| store.clone()));
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        let report = panic.downcast_ref::<String>().unwrap();
        let failed: Vec<_> = report
            .lines()
            .filter_map(|line| line.strip_prefix("  an_").or(line.strip_prefix("  the_")))
            .filter_map(|line| line.split_once(':').map(|(name, _)| name))
            .collect();
        let expected = [
            "atomic_chunk_that_fails_leaves_nothing",
            "atomic_chunk_is_invisible_while_it_arrives",
            "finish_state_is_recorded",
            "finish_state_is_recorded_with_an_answer",
        ];
        assert_eq!(failed, expected, "{report}");
        assert!(report.starts_with("store::conformance: 4 of 12 cases failed"));
    }
}
