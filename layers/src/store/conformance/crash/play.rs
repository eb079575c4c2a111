//! The steps of a case: what requests do to a store, and what they answer.

use std::sync::Arc;

use bytes::Bytes;

use super::notes::{AtomicChunk, Ends, Noted, Plan, Told};
use super::pieces::Pieces;
use crate::protocol::{Chunk, Error, FinishState, Interrupt, NewUpload, UploadId};
use crate::store::{AppendError, Appended, Concatenator, Handle, Store, Terminator, WriteMode};

/// The storage has stopped, and with it the case.
#[derive(Debug)]
pub(super) struct Stopped;

pub(super) type Step<T = ()> = Result<T, Stopped>;

/// A case on a storage, up to the moment when the storage stops.
pub(super) struct Play<'a> {
    pub(super) store: Arc<dyn Store>,
    pub(super) uploads: Vec<Noted>,
    has_stopped: &'a dyn Fn() -> bool,
}

impl<'a> Play<'a> {
    pub(super) const fn new(
        store: Arc<dyn Store>,
        uploads: Vec<Noted>,
        has_stopped: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            store,
            uploads,
            has_stopped,
        }
    }

    pub(super) fn has_stopped(&self) -> bool {
        (self.has_stopped)()
    }

    /// Adds an upload to the case, and returns its id.
    pub(super) fn plan(&mut self, plan: &Plan) -> UploadId {
        self.uploads.push(Noted::new(plan.clone()));
        plan.id.clone()
    }

    pub(super) fn noted(&mut self, id: &UploadId) -> &mut Noted {
        let mut uploads = self.uploads.iter_mut();
        let noted = uploads.find(|noted| noted.plan.id == *id);
        noted.expect("the upload belongs to the case")
    }

    fn told(&mut self, id: &UploadId) -> &mut Told {
        self.noted(id).told()
    }

    /// Passes on what was answered. An answer after the stop reaches no client.
    pub(super) fn answered<T>(
        &self,
        what: &str,
        id: &UploadId,
        answer: Result<T, Error>,
    ) -> Step<T> {
        match answer {
            _ if (self.has_stopped)() => Err(Stopped),
            Ok(answer) => Ok(answer),
            Err(error) => panic!("{id}: {what} failed: {error:?}"),
        }
    }

    /// Begins the next life of an upload.
    fn new_upload(&mut self, id: &UploadId) -> NewUpload {
        let noted = self.noted(id);
        noted.lives.push(Told::default());
        noted.plan.new_upload(noted.lives.len())
    }

    pub(super) async fn create(&mut self, id: &UploadId) -> Step<Box<dyn Handle>> {
        let new = self.new_upload(id);
        let created = self.store.create(new).await;
        let handle = self.answered("the creation", id, created)?;
        self.told(id).created = true;
        Ok(handle)
    }

    pub(super) async fn open(&mut self, id: &UploadId) -> Step<Box<dyn Handle>> {
        let opened = self.store.open(id).await;
        self.answered("opening", id, opened)
    }

    /// Appends the next bytes of the upload.
    pub(super) async fn append(
        &mut self,
        handle: &mut dyn Handle,
        bytes: u64,
        mode: WriteMode,
    ) -> Step {
        let text = self.next(handle, bytes);
        let appended = self.send(handle, Pieces::of(&text), mode).await?;
        assert!(appended.error.is_none(), "{:?}", appended.error);
        Ok(())
    }

    /// Appends the next bytes of the upload, all of which are there from the
    /// start.
    pub(super) async fn append_at_once(
        &mut self,
        handle: &mut dyn Handle,
        bytes: u64,
        mode: WriteMode,
    ) -> Step {
        let body = Pieces::of(&self.next(handle, bytes)).at_once();
        let appended = self.send(handle, body, mode).await?;
        assert!(appended.error.is_none(), "{:?}", appended.error);
        Ok(())
    }

    /// Appends the next bytes of the upload, after which the body breaks off.
    pub(super) async fn append_broken(&mut self, handle: &mut dyn Handle, bytes: u64) -> Step {
        let body = Pieces::of(&self.next(handle, bytes)).then(Error::Interrupted);
        let appended = self.send(handle, body, WriteMode::Streaming).await?;
        let error = appended.error;
        let is_own = matches!(error, Some(AppendError::Body(Error::Interrupted)));
        assert!(is_own, "the body's error became {error:?}");
        Ok(())
    }

    /// Appends bytes which are not those of the upload, and fail their checksum.
    pub(super) async fn append_mismatch(&mut self, handle: &mut dyn Handle, bytes: usize) -> Step {
        let wrong = Bytes::from(vec![b'!'; bytes]);
        self.refuse(handle, Pieces::of(&wrong)).await
    }

    /// Like [`append_mismatch`](Self::append_mismatch), with bytes that are all
    /// there from the start.
    pub(super) async fn append_mismatch_at_once(
        &mut self,
        handle: &mut dyn Handle,
        bytes: usize,
    ) -> Step {
        let wrong = Bytes::from(vec![b'!'; bytes]);
        self.refuse(handle, Pieces::of(&wrong).at_once()).await
    }

    async fn refuse(&mut self, handle: &mut dyn Handle, wrong: Pieces) -> Step {
        let body = wrong.then(Error::ChecksumMismatch);
        let appended = self.send(handle, body, WriteMode::Atomic).await?;
        let error = appended.error;
        let is_own = matches!(error, Some(AppendError::Body(Error::ChecksumMismatch)));
        assert!(is_own, "the body's error became {error:?}");
        Ok(())
    }

    fn next(&mut self, handle: &dyn Handle, bytes: u64) -> Bytes {
        let upload = handle.info();
        let text = &self.noted(&upload.id).plan.text;
        let index = |at: u64| usize::try_from(at).expect("the text is short");
        let from = upload.offset.get();
        text.slice(index(from)..index(from + bytes))
    }

    async fn send(
        &mut self,
        handle: &mut dyn Handle,
        mut body: Pieces,
        mode: WriteMode,
    ) -> Step<Appended> {
        let id = handle.info().id.clone();
        let from = handle.info().offset.get();
        let end = from + body.bytes();
        let appended = handle.append(Chunk::new(&mut body), mode.into()).await;
        let told = self.told(&id);
        told.unverified |= mode.is_atomic() && !body.was_read;
        told.chunk = mode.is_atomic().then_some(AtomicChunk {
            range: from..end,
            was_read: body.was_read,
            came_at_once: body.comes_at_once,
        });
        let failed = match &appended.error {
            Some(AppendError::Store(error)) => Err(error.clone()),
            _ => Ok(()),
        };
        self.answered("an append", &id, failed)?;
        let told = self.told(&id);
        (told.offset, told.chunk) = (appended.offset.get(), None);
        Ok(appended)
    }

    /// Declares the length, or the completion, of an upload that needs it.
    pub(super) async fn declare(&mut self, handle: &mut dyn Handle) -> Step {
        let id = handle.info().id.clone();
        let plan = self.noted(&id).plan.clone();
        let declared = match plan.ends {
            Ends::AtItsLength => return Ok(()),
            Ends::AtADeferredLength => handle.declare_length(plan.length()).await,
            Ends::ByClient => handle.declare_complete().await,
        };
        self.answered("the declaration", &id, declared)?;
        self.told(&id).declared = true;
        Ok(())
    }

    /// Finishes a complete upload like the core.
    pub(super) async fn finish(&mut self, handle: &mut dyn Handle) -> Step {
        let id = handle.info().id.clone();
        let finished = handle.finish().await;
        self.answered("finishing", &id, finished)?;
        let recorded = match &self.noted(&id).plan.answer {
            Some(answer) => handle.record_finished(answer).await,
            None => handle.record(FinishState::Done).await,
        };
        self.answered("the record", &id, recorded)?;
        self.told(&id).finished = true;
        Ok(())
    }

    /// Finishes a complete upload like the core where no gate decides.
    pub(super) async fn finish_and_record(&mut self, handle: &mut dyn Handle) -> Step {
        let id = handle.info().id.clone();
        let finished = handle.finish_and_record().await;
        self.answered("finishing with its record", &id, finished)?;
        self.told(&id).finished = true;
        Ok(())
    }

    fn terminator(&self) -> &dyn Terminator {
        let terminator = self.store.terminator();
        terminator.expect("the capability is still there")
    }

    pub(super) async fn terminate(&mut self, id: &UploadId) -> Step {
        self.told(id).terminating = true;
        let terminated = self.terminator().terminate(id).await;
        self.answered("the termination", id, terminated)?;
        self.told(id).terminated = true;
        Ok(())
    }

    fn concatenator(&self) -> &dyn Concatenator {
        let concatenator = self.store.concatenator();
        concatenator.expect("the capability is still there")
    }

    pub(super) async fn concatenate(&mut self, id: &UploadId) -> Step<Box<dyn Handle>> {
        let new = self.new_upload(id);
        let never = Interrupt::default();
        let joined = self.concatenator().concatenate(new, &never).await;
        let handle = self.answered("the concatenation", id, joined)?;
        let told = self.told(id);
        (told.created, told.offset) = (true, handle.info().offset.get());
        Ok(handle)
    }

    pub(super) async fn await_part(&mut self, part: &UploadId, id: &UploadId) -> Step {
        let awaited = self.concatenator().await_part(part, id).await;
        self.answered("to await a part", part, awaited)
    }

    pub(super) async fn assemble(&mut self, id: &UploadId) -> Step {
        let never = Interrupt::default();
        let assembled = self.concatenator().assemble(id, &never).await;
        self.answered("the assembly", id, assembled)?;
        let noted = self.noted(id);
        noted.told().offset = noted.plan.length().get();
        Ok(())
    }
}
