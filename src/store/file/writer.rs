//! Appends one chunk to the data file of an upload: the blocking half.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Offset};
use tower_tus_layers::store::{AppendError, WriteMode};

use super::error::of_upload;
use super::layout::Layout;
use super::{Durability, mark, sys};

/// Writes one chunk.
#[derive(Debug)]
pub(super) struct Writer {
    layout: Arc<Layout>,
    durability: Durability,
    mode: WriteMode,
    /// The offset to return to if an atomic chunk fails.
    start: u64,
    offset: u64,
    /// Opened when the first bytes arrive.
    file: Option<sys::File>,
}

impl Writer {
    pub(super) const fn new(
        layout: Arc<Layout>,
        durability: Durability,
        mode: WriteMode,
        start: u64,
    ) -> Self {
        Self {
            layout,
            durability,
            mode,
            start,
            offset: start,
            file: None,
        }
    }

    /// Returns the current offset of the upload, in bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends one batch.
    pub(super) fn write(&mut self, frames: &[Bytes]) -> Result<(), Error> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let file = self.file.insert(file);
        file.write_at(&mut self.offset, frames).map_err(of_upload)
    }

    fn open(&mut self) -> Result<sys::File, Error> {
        let file = self.open_settled().map_err(of_upload)?;
        let current = file.len().map_err(of_upload)?;
        if current != self.offset {
            self.offset = current;
            let current = Offset::saturating(current);
            return Err(Error::MismatchedOffset { current });
        }
        if self.mode.is_atomic() {
            mark::set(&self.layout, self.start).map_err(of_upload)?;
        }
        Ok(file)
    }

    /// Opens the data file, and removes what a crash left of an atomic chunk.
    fn open_settled(&self) -> io::Result<sys::File> {
        let file = sys::File::open(&self.layout.data)?;
        if !sys::exists(&self.layout.info)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        mark::take_back(&self.layout, &file)?;
        Ok(file)
    }

    /// Whether [`end`](Self::end) has work to do on the disk.
    pub(super) fn has_an_end(&self) -> bool {
        let more = self.mode.is_atomic() || self.durability >= Durability::Offset;
        more && self.file.is_some()
    }

    /// Commits or rolls back what was written, depending on how the chunk
    /// ended.
    pub(super) fn end(&mut self, received: Result<(), AppendError>) -> Result<(), AppendError> {
        let Some(file) = self.file.take() else {
            return received;
        };
        if self.mode.is_atomic() {
            let kept = received.and_then(|()| self.keep_whole(&file).map_err(of_disk));
            return kept.inspect_err(|_| self.take_back(&file));
        }
        // An error of the store outweighs one of the body.
        self.sync(&file).map_err(of_disk).and(received)
    }

    fn keep_whole(&mut self, file: &sys::File) -> io::Result<()> {
        self.sync(file)?;
        sys::remove(&self.layout.chunk)?;
        // Once the mark is gone the chunk counts, whatever fails later.
        self.start = self.offset;
        if self.durability >= Durability::Offset {
            sys::sync_dir_of(&self.layout.chunk)?;
        }
        Ok(())
    }

    fn take_back(&mut self, file: &sys::File) {
        self.offset = self.start;
        if let Err(error) = mark::take_back(&self.layout, file) {
            // The mark remains, so the bytes do not count.
            tracing::warn!(%error, "a chunk could not be rolled back; the next append tries again");
        }
    }

    fn sync(&self, file: &sys::File) -> io::Result<()> {
        if self.durability < Durability::Offset {
            return Ok(());
        }
        file.sync_data()
    }
}

fn of_disk(error: io::Error) -> AppendError {
    AppendError::Store(of_upload(error))
}
