//! Appends one chunk to the data file of an upload: the blocking half.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Length, Offset, UploadId};
use tower_tus_layers::store::{AppendError, WriteMode};

use super::batch::Batch;
use super::counted::{self, Tail};
use super::error::{of_store, of_upload};
use super::layout::Layout;
use super::state::State;
use super::sync::Step;
use super::{FileStore, Steps, mark, sys};

/// Writes one chunk.
#[derive(Debug)]
pub(super) struct Writer {
    store: FileStore,
    id: UploadId,
    layout: Arc<Layout>,
    mode: WriteMode,
    length: Option<Length>,
    /// See [`Counted`](counted::Counted).
    is_settled: bool,
    tail: Tail,
    /// The offset to return to if the bytes after it are lost: the mark, if the
    /// chunk has one.
    kept: u64,
    offset: u64,
    has_begun: bool,
    has_mark: bool,
    /// The data file. If it is not open yet, it is opened when the first bytes
    /// arrive.
    data: Option<sys::File>,
}

impl Writer {
    pub(super) fn new(state: &State, data: Option<sys::File>, mode: WriteMode) -> Self {
        let start = state.upload.offset.get();
        Self {
            store: state.store.clone(),
            id: state.upload.id.clone(),
            layout: Arc::clone(&state.layout),
            mode,
            length: state.upload.length,
            is_settled: state.is_settled,
            tail: state.tail,
            kept: start,
            offset: start,
            has_begun: false,
            has_mark: false,
            data,
        }
    }

    /// Whether nothing of the chunk is left to be removed.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Returns the data file, unless it is closed.
    pub(super) fn into_data(self) -> Option<sys::File> {
        self.data
    }

    /// Returns what runs its steps.
    pub(super) const fn steps(&self) -> &Arc<Steps> {
        self.store.steps()
    }

    /// Returns the current offset of the upload.
    pub(super) const fn offset(&self) -> Offset {
        Offset::saturating(self.offset)
    }

    /// Whether bytes are synced before they count.
    fn syncs(&self) -> bool {
        self.store.durability.syncs(Step::Stored)
    }

    /// Whether [`store`](Self::store) syncs or truncates.
    pub(super) fn takes_long_to(&self, batch: &Batch) -> bool {
        let syncs_mark = self.is_marked(batch) && self.store.durability.syncs(Step::Mark);
        let begins_long = !self.has_begun && (!self.is_settled || syncs_mark);
        let bytes: usize = batch.frames.iter().map(Bytes::len).sum();
        begins_long || self.is_advance_due(bytes as u64) || self.syncs() && batch.ends_well()
    }

    /// Stores a batch, and returns how the chunk has ended with it, if it has.
    /// If it has not ended well, [`end`](Self::end) is to follow.
    pub(super) fn store(&mut self, batch: Batch) -> Option<Result<(), AppendError>> {
        if let Some(Err(error)) = &batch.ended
            && self.mode.is_atomic()
        {
            // None of its bytes are kept.
            return Some(Err(AppendError::Body(error.clone())));
        }
        if let Err(error) = self.write(&batch) {
            return Some(Err(AppendError::Store(error)));
        }
        Some(match batch.ended? {
            Ok(()) => self.end(Ok(())),
            Err(error) => Err(AppendError::Body(error)),
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let data = match self.data.take() {
            Some(data) if self.has_begun => data,
            data => self.begin(data, batch)?,
        };
        let data = self.data.insert(data);
        data.write_at(&mut self.offset, &batch.frames)
            .map_err(of_upload)?;
        match self.is_advance_due(0) {
            true => self.advance().map_err(of_store),
            false => Ok(()),
        }
    }

    /// Whether a sync is due after that many more bytes.
    fn is_advance_due(&self, bytes: u64) -> bool {
        let unsynced = self.offset + bytes - self.kept;
        self.syncs() && !self.mode.is_atomic() && unsynced >= self.store.stride
    }

    /// Prepares the data file for the first bytes.
    ///
    /// Whether the upload still exists is not looked up again. Terminating it
    /// takes the lock that this request has held since it opened the upload;
    /// where that does not help, the bytes go to a file that has lost its name.
    fn begin(&mut self, data: Option<sys::File>, first: &Batch) -> Result<sys::File, Error> {
        let data = self.open_settled(data).map_err(of_upload)?;
        let current = data.len().map_err(of_upload)?;
        if current != self.offset {
            self.offset = current;
            let current = self.offset();
            return Err(Error::MismatchedOffset { current });
        }
        if self.is_marked(first) {
            mark::set(&self.store, &self.layout, self.kept).map_err(of_upload)?;
            self.has_mark = true;
        }
        self.has_begun = true;
        Ok(data)
    }

    /// Whether a chunk with this first batch has a mark. An atomic one that has
    /// ended is verified, so that none of its bytes have to be taken back.
    fn is_marked(&self, first: &Batch) -> bool {
        self.syncs() || self.mode.is_atomic() && !first.ends_well()
    }

    /// Opens the data file, and removes what a crash left of a chunk.
    fn open_settled(&mut self, data: Option<sys::File>) -> io::Result<sys::File> {
        let data = match data {
            Some(data) => data,
            None => sys::File::open(&self.layout.data)?,
        };
        if !self.is_settled {
            counted::settle(self.store.durability, &self.layout, &data, self.tail)?;
            self.is_settled = true;
        }
        Ok(data)
    }

    /// Syncs what is written, and moves the mark there.
    fn advance(&mut self) -> io::Result<()> {
        self.sync_and_mark().inspect_err(|_| self.take_back())?;
        self.store.synced.insert(&self.id, self.offset());
        Ok(())
    }

    fn sync_and_mark(&mut self) -> io::Result<()> {
        if let Some(data) = &self.data {
            data.sync_data()?;
        }
        // Whatever happens to the mark, these bytes are on the disk.
        self.kept = self.offset;
        mark::advance(&self.layout, self.kept)
    }

    /// Whether [`end`](Self::end) has work to do on the disk.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether [`end`](Self::end) syncs or truncates.
    pub(super) fn takes_long_to_end(&self, received: &Result<(), AppendError>) -> bool {
        self.syncs() || self.mode.is_atomic() && received.is_err()
    }

    /// Keeps what was written, or takes it back: all of it if an atomic chunk
    /// has failed, and all that is not known to be on the disk if the disk has.
    pub(super) fn end(&mut self, received: Result<(), AppendError>) -> Result<(), AppendError> {
        let has_begun = std::mem::replace(&mut self.has_begun, false);
        let Some(data) = self.data.take_if(|_| has_begun) else {
            return received;
        };
        if self.mode.is_atomic() && received.is_err() {
            self.take_back();
            return received;
        }
        let kept = self.keep(data).inspect_err(|_| self.take_back());
        // An error of the store outweighs one of the body.
        kept.map_err(|error| AppendError::Store(of_store(error)))?;
        received
    }

    fn keep(&mut self, data: sys::File) -> io::Result<()> {
        if self.syncs() {
            data.sync_data()?;
        }
        match self.is_to_finish() {
            true => self.data = Some(data),
            false => data.close()?,
        }
        if self.has_mark {
            mark::remove(self.store.durability, &self.layout)?;
        }
        if self.syncs() {
            self.store.synced.insert(&self.id, self.offset());
        }
        Ok(())
    }

    /// Whether the data file is synced and closed when the upload is finished.
    fn is_to_finish(&self) -> bool {
        let is_whole = self
            .length
            .is_some_and(|it| it.remaining(self.offset()) == 0);
        is_whole && !self.syncs() && self.store.durability.syncs(Step::Finished)
    }

    /// Takes back what may be lost. A sync that has failed is not repeated: the
    /// kernel has dropped the bytes.
    fn take_back(&mut self) {
        self.data = None;
        self.offset = self.kept;
        let taken = counted::take_back(self.store.durability, &self.layout, self.kept);
        self.is_settled = taken.is_ok();
        if let Err(error) = taken {
            // The mark remains, so the bytes do not count.
            tracing::warn!(%error, "a chunk could not be rolled back; the next append tries again");
        }
    }
}
