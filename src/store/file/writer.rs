//! Appends one chunk to the data file of an upload: the blocking half.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Offset, UploadId};
use tower_tus_layers::store::{AppendError, WriteMode};

use super::error::{of_store, of_upload};
use super::layout::Layout;
use super::sync::Step;
use super::{FileStore, Steps, counted, mark, sys};

/// Writes one chunk.
#[derive(Debug)]
pub(super) struct Writer {
    store: FileStore,
    id: UploadId,
    layout: Arc<Layout>,
    mode: WriteMode,
    /// The offset to return to if the bytes after it are lost: the mark, if the
    /// chunk has one.
    kept: u64,
    offset: u64,
    /// Opened when the first bytes arrive.
    file: Option<sys::File>,
}

impl Writer {
    pub(super) fn new(
        store: FileStore,
        id: UploadId,
        layout: Arc<Layout>,
        mode: WriteMode,
        start: Offset,
    ) -> Self {
        Self {
            store,
            id,
            layout,
            mode,
            kept: start.get(),
            offset: start.get(),
            file: None,
        }
    }

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

    /// Appends one batch.
    pub(super) fn write(&mut self, frames: &[Bytes]) -> Result<(), Error> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let file = self.file.insert(file);
        file.write_at(&mut self.offset, frames).map_err(of_upload)?;
        match self.is_advance_due(0) {
            true => self.advance().map_err(of_store),
            false => Ok(()),
        }
    }

    /// Appends one batch in a short step, or returns it if that takes a long one.
    pub(super) fn write_at_once(
        &mut self,
        frames: Vec<Bytes>,
    ) -> Result<Option<Vec<Bytes>>, Error> {
        let bytes: usize = frames.iter().map(Bytes::len).sum();
        if self.is_advance_due(bytes as u64) || !self.open_at_once()? {
            return Ok(Some(frames));
        }
        self.write(&frames).map(|()| None)
    }

    /// Opens the data file, unless that takes a long step.
    fn open_at_once(&mut self) -> Result<bool, Error> {
        if self.file.is_some() {
            return Ok(true);
        }
        if self.is_marked() {
            return Ok(false);
        }
        let file = self.find().map_err(of_upload)?;
        if !counted::is_settled(&self.layout, &file).map_err(of_upload)? {
            return Ok(false);
        }
        self.check_offset(&file)?;
        self.file = Some(file);
        Ok(true)
    }

    /// Whether the chunk has a mark.
    fn is_marked(&self) -> bool {
        self.mode.is_atomic() || self.syncs()
    }

    /// Whether a sync is due after that many more bytes.
    fn is_advance_due(&self, bytes: u64) -> bool {
        let unsynced = self.offset + bytes - self.kept;
        self.syncs() && !self.mode.is_atomic() && unsynced >= self.store.stride
    }

    fn open(&mut self) -> Result<sys::File, Error> {
        let file = self.open_settled().map_err(of_upload)?;
        self.check_offset(&file)?;
        if self.is_marked() {
            mark::set(&self.store, &self.layout, self.kept).map_err(of_upload)?;
        }
        Ok(file)
    }

    fn check_offset(&mut self, file: &sys::File) -> Result<(), Error> {
        let current = file.len().map_err(of_upload)?;
        if current != self.offset {
            self.offset = current;
            let current = self.offset();
            return Err(Error::MismatchedOffset { current });
        }
        Ok(())
    }

    /// Opens the data file, and removes what a crash left of a chunk.
    fn open_settled(&self) -> io::Result<sys::File> {
        let file = self.find()?;
        counted::settle(self.store.durability, &self.layout, &file)?;
        Ok(file)
    }

    fn find(&self) -> io::Result<sys::File> {
        let file = sys::File::open(&self.layout.data)?;
        if !sys::exists(&self.layout.info)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }

    /// Syncs what is written, and moves the mark there.
    fn advance(&mut self) -> io::Result<()> {
        self.sync_and_mark().inspect_err(|_| self.take_back())?;
        self.store.synced.insert(&self.id, self.offset());
        Ok(())
    }

    fn sync_and_mark(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        // Whatever happens to the mark, these bytes are on the disk.
        self.kept = self.offset;
        mark::advance(&self.layout, self.kept)
    }

    /// Whether [`end`](Self::end) has work to do on the disk.
    pub(super) fn has_an_end(&self) -> bool {
        self.file.is_some()
    }

    /// Whether [`end`](Self::end) syncs or truncates.
    pub(super) fn ends_with_a_long_step(&self, received: &Result<(), AppendError>) -> bool {
        self.syncs() || self.mode.is_atomic() && received.is_err()
    }

    /// Keeps what was written, or takes it back: all of it if an atomic chunk
    /// has failed, and all that is not known to be on the disk if the disk has.
    pub(super) fn end(&mut self, received: Result<(), AppendError>) -> Result<(), AppendError> {
        let Some(file) = self.file.take() else {
            return received;
        };
        if self.mode.is_atomic() && received.is_err() {
            self.take_back();
            return received;
        }
        let kept = self.keep(file).inspect_err(|_| self.take_back());
        // An error of the store outweighs one of the body.
        kept.map_err(|error| AppendError::Store(of_store(error)))?;
        received
    }

    fn keep(&self, file: sys::File) -> io::Result<()> {
        if self.syncs() {
            file.sync_data()?;
        }
        file.close()?;
        mark::remove(self.store.durability, &self.layout)?;
        if self.syncs() {
            self.store.synced.insert(&self.id, self.offset());
        }
        Ok(())
    }

    /// Takes back what may be lost. A sync that has failed is not repeated: the
    /// kernel has dropped the bytes.
    fn take_back(&mut self) {
        self.file = None;
        self.offset = self.kept;
        let taken = counted::take_back(self.store.durability, &self.layout, self.kept);
        if let Err(error) = taken {
            // The mark remains, so the bytes do not count.
            tracing::warn!(%error, "a chunk could not be rolled back; the next append tries again");
        }
    }
}
