use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::task::yield_now;

use super::{
    AppendError, AppendOptions, Appended, Concatenator, Content, Handle, ListRequest, Lister, Page,
    Reader, Store, Terminator,
};
use crate::protocol::{
    Chunk, Clock, Concat, Error, FinishState, Interrupt, Length, NewUpload, Offset,
    ResponseOverride, Role, Upload, UploadId,
};

/// Number of bytes to copy at once into a final upload.
const STEP: usize = 1 << 20;

/// An in-memory store: for tests, examples, and uploads that need not survive a
/// restart.
///
/// Clones share the same uploads.
///
/// ```
/// use tower_tus_layers::protocol::{Length, Metadata, NewUpload};
/// use tower_tus_layers::store::{MemoryStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_tus_layers::protocol::Error> {
/// let store = MemoryStore::default();
/// let upload = store.create(NewUpload::new(Some(Length::from(5)), Metadata::default())).await?;
/// assert_eq!(store.bytes(&upload.info().id).unwrap(), "");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    uploads: Arc<Mutex<BTreeMap<UploadId, Stored>>>,
    clock: Clock,
}

struct Stored {
    upload: Upload,
    bytes: BytesMut,
    answer: Option<ResponseOverride>,
}

impl MemoryStore {
    /// Creates an empty store that takes the times of its uploads from `clock`.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self {
            uploads: Arc::default(),
            clock,
        }
    }

    /// Returns the stored bytes of an upload.
    #[must_use]
    pub fn bytes(&self, id: &UploadId) -> Option<Bytes> {
        let uploads = self.uploads();
        let stored = uploads.get(id)?;
        Some(Bytes::copy_from_slice(&stored.bytes))
    }

    fn uploads(&self) -> MutexGuard<'_, BTreeMap<UploadId, Stored>> {
        // A panic under the mutex cannot leave the map inconsistent.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, upload: Upload) -> Box<dyn Handle> {
        Box::new(MemoryHandle {
            store: self.clone(),
            upload,
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        let upload = self.insert(new, BytesMut::new())?;
        Ok(self.handle(upload))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let uploads = self.uploads();
        let stored = uploads.get(id).ok_or(Error::NotFound)?;
        Ok(self.handle(stored.upload.clone()))
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        Some(self)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }
}

#[async_trait]
impl Lister for MemoryStore {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        let uploads = self.uploads();
        let mut selected = uploads.values().filter(|it| request.selects(&it.upload.id));
        let page: Vec<_> = selected.by_ref().take(request.limit.max(1)).collect();
        let is_last = selected.next().is_none();
        let mut page = Page::last(page.into_iter().map(|it| it.upload.clone()).collect());
        if !is_last {
            page.next = page.uploads.last().map(|upload| upload.id.clone());
        }
        Ok(page)
    }
}

#[async_trait]
impl Terminator for MemoryStore {
    async fn terminate(&self, id: &UploadId) -> Result<(), Error> {
        self.uploads().remove(id).map(drop).ok_or(Error::NotFound)
    }
}

#[async_trait]
impl Reader for MemoryStore {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let uploads = self.uploads();
        let stored = uploads.get(id).ok_or(Error::NotFound)?;
        Ok(Box::new(MemoryContent {
            upload: stored.upload.clone(),
            bytes: Bytes::copy_from_slice(&stored.bytes),
        }))
    }
}

#[derive(Debug)]
struct MemoryContent {
    upload: Upload,
    bytes: Bytes,
}

#[async_trait]
impl Content for MemoryContent {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        self.upload.modified
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let index = |at: u64| usize::try_from(at).expect("the bytes are in memory");
        Ok(self.bytes.slice(index(range.start)..index(range.end)))
    }
}

#[async_trait]
impl Concatenator for MemoryStore {
    async fn concatenate(
        &self,
        mut new: NewUpload,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Handle>, Error> {
        let parts = new.concat.as_ref().map_or(&[][..], Concat::parts);
        let bytes = self.join(parts, interrupt).await?;
        new.length = Some(end(&bytes).into()); // CAT-04
        let upload = self.insert(new, bytes)?;
        Ok(self.handle(upload))
    }

    async fn assemble(&self, id: &UploadId, interrupt: &Interrupt) -> Result<(), Error> {
        let concat = {
            let uploads = self.uploads();
            let stored = uploads.get(id).ok_or(Error::NotFound)?;
            stored.upload.concat.clone()
        };
        let Some(concat) = concat.filter(Concat::is_pending) else {
            return Ok(());
        };
        let bytes = self.join(concat.parts(), interrupt).await?;
        let mut uploads = self.uploads();
        let stored = uploads.get_mut(id).ok_or(Error::NotFound)?;
        stored.assembled(bytes, self.clock.now());
        Ok(())
    }

    async fn await_part(&self, part: &UploadId, id: &UploadId) -> Result<(), Error> {
        let mut uploads = self.uploads();
        let stored = uploads.get_mut(part).ok_or(Error::NotFound)?;
        let concat = stored.upload.concat.as_mut();
        match concat.map(|concat| &mut concat.role) {
            Some(Role::Partial { awaited_by }) => {
                awaited_by.push(id.clone());
                Ok(())
            }
            _ => Err(Error::InvalidConcat),
        }
    }
}

/// Returns the offset after the last byte. Memory never holds 2^63 bytes.
fn end(bytes: &[u8]) -> Offset {
    Offset::saturating(bytes.len() as u64)
}

impl MemoryStore {
    /// Adds an upload, unless its id conflicts with another.
    fn insert(&self, new: NewUpload, bytes: BytesMut) -> Result<Upload, Error> {
        let mut uploads = self.uploads();
        if uploads.keys().any(|id| id.conflicts_with(&new.id)) {
            return Err(Error::UploadExists);
        }
        let mut upload = Upload::from(new);
        upload.offset = end(&bytes);
        upload.modified = Some(self.clock.now());
        let stored = Stored {
            upload: upload.clone(),
            bytes,
            answer: None,
        };
        uploads.insert(upload.id.clone(), stored);
        Ok(upload)
    }

    /// Joins the bytes of complete uploads. Yields to other tasks between
    /// steps.
    async fn join(&self, parts: &[UploadId], interrupt: &Interrupt) -> Result<BytesMut, Error> {
        let (mut joined, mut seen) = (BytesMut::new(), 0);
        for part in parts {
            let mut from = 0;
            while let Some(next) = self.copy_step(part, from, &mut joined)? {
                from = next;
                if joined.len() - seen >= STEP {
                    seen = joined.len();
                    yield_now().await;
                    interrupt.cause().map_or(Ok(()), Err)?;
                }
            }
        }
        Ok(joined)
    }

    /// Copies the next bytes of a complete upload, and returns where to go on,
    /// or `None` at its end.
    fn copy_step(
        &self,
        part: &UploadId,
        from: usize,
        to: &mut BytesMut,
    ) -> Result<Option<usize>, Error> {
        let uploads = self.uploads();
        let part = uploads.get(part).ok_or(Error::NotFound)?;
        if !part.upload.is_complete() {
            return Err(Error::UploadNotFinished);
        }
        let end = part.bytes.len().min(from + STEP);
        to.extend_from_slice(part.bytes.get(from..end).unwrap_or_default());
        Ok((end > from).then_some(end))
    }
}

impl Stored {
    /// Stores the bytes of a pending final.
    fn assembled(&mut self, bytes: BytesMut, now: SystemTime) {
        self.upload.offset = end(&bytes);
        self.upload.length = Some(self.upload.offset.into());
        if let Some(Role::Final { pending, .. }) =
            self.upload.concat.as_mut().map(|it| &mut it.role)
        {
            *pending = false;
        }
        self.bytes = bytes;
        self.upload.modified = Some(now);
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uploads = self.uploads();
        f.debug_struct("MemoryStore")
            .field("uploads", &uploads.len())
            .finish()
    }
}

#[derive(Debug)]
struct MemoryHandle {
    store: MemoryStore,
    upload: Upload,
}

impl MemoryHandle {
    /// Changes the upload here and in the store, unless it has been terminated.
    fn change(&mut self, change: impl FnOnce(&mut Stored)) -> Result<(), Error> {
        let mut uploads = self.store.uploads();
        let stored = uploads.get_mut(&self.upload.id).ok_or(Error::NotFound)?;
        change(stored);
        self.upload = stored.upload.clone();
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let now = self.store.clock.now();
        self.change(|stored| {
            // No bytes are no activity.
            if !bytes.is_empty() {
                stored.bytes.extend_from_slice(bytes);
                stored.upload.offset = end(&stored.bytes);
                stored.upload.modified = Some(now);
            }
        })
    }

    async fn append_streaming(&mut self, mut chunk: Chunk<'_>) -> Result<(), AppendError> {
        while let Some(data) = chunk.next_data().await {
            let data = data.map_err(AppendError::Body)?;
            self.push(&data).map_err(AppendError::Store)?;
        }
        Ok(())
    }

    async fn append_atomic(&mut self, mut chunk: Chunk<'_>) -> Result<(), AppendError> {
        let mut whole = BytesMut::new();
        while let Some(data) = chunk.next_data().await {
            whole.extend_from_slice(&data.map_err(AppendError::Body)?);
        }
        self.push(&whole).map_err(AppendError::Store)
    }
}

#[async_trait]
impl Handle for MemoryHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let stored = match options.mode.is_atomic() {
            true => self.append_atomic(chunk).await,
            false => self.append_streaming(chunk).await,
        };
        Appended::new(self.upload.offset, stored)
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        self.change(|stored| stored.upload.length = Some(length))
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        self.change(|stored| stored.upload.declare_complete())
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.change(|stored| stored.upload.finishing = Some(finishing))
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        self.change(|stored| {
            stored.upload.finishing = Some(FinishState::Done);
            stored.answer = Some(answer.clone());
        })
    }

    fn answer(&self) -> Option<ResponseOverride> {
        let uploads = self.store.uploads();
        uploads.get(&self.upload.id)?.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::protocol::{Body, Metadata};
    use crate::store::WriteMode;

    #[tokio::test]
    async fn it_passes_the_conformance_suite() {
        let store = MemoryStore::default();
        super::super::conformance::run(|| store.clone()).await;
    }

    #[tokio::test]
    async fn a_chunk_without_bytes_is_no_activity() {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = {
            let seconds = Arc::clone(&seconds);
            Clock::from_fn(move || {
                let since = seconds.load(Ordering::Relaxed);
                SystemTime::UNIX_EPOCH + Duration::from_secs(since)
            })
        };
        let store = MemoryStore::with_clock(clock.clone());
        let new = NewUpload::new(None, Metadata::EMPTY);
        let mut upload = store.create(new).await.unwrap();
        let created = clock.now();
        for (text, modified) in [("", 0), ("hello", 60)] {
            seconds.store(60, Ordering::Relaxed);
            for mode in [WriteMode::Streaming, WriteMode::Atomic] {
                let mut body = Body::from(text);
                let _ = upload.append(Chunk::new(&mut body), mode.into()).await;
                let modified = created + Duration::from_secs(modified);
                assert_eq!(upload.info().modified, Some(modified), "{text:?} {mode:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_final_has_the_bytes_of_its_parts_in_their_order() {
        let store = MemoryStore::default();
        let mut parts = Vec::new();
        for text in ["hello", " world"] {
            let length = Length::saturating(text.len() as u64);
            let part = store
                .create(NewUpload::new(Some(length), Metadata::EMPTY))
                .await;
            let mut part = part.unwrap();
            let mut body = Body::from(text);
            let appended = part
                .append(Chunk::new(&mut body), AppendOptions::default())
                .await;
            assert!(appended.error.is_none());
            parts.push(part.info().id.clone());
        }
        parts.push(parts[0].clone());
        for pending in [false, true] {
            let mut new = NewUpload::new(None, Metadata::EMPTY);
            let role = Role::Final {
                parts: parts.clone(),
                pending,
            };
            new.concat = Some(Concat::new(role, None));
            let id = new.id.clone();
            if pending {
                store.create(new).await.unwrap();
                assert_eq!(store.bytes(&id).unwrap(), "");
                store.assemble(&id, &Interrupt::default()).await.unwrap();
            } else {
                Concatenator::concatenate(&store, new, &Interrupt::default())
                    .await
                    .unwrap();
            }
            assert_eq!(store.bytes(&id).unwrap(), "hello worldhello");
        }
    }
}
