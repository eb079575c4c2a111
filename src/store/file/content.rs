use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Content;

use super::buffers::{self, Buffers};
use super::error::of_upload;
use super::look::{glance, look};
use super::refusals::Refusals;
use super::sys::AtOnce;
use super::{FileStore, Steps, place, sys};

/// Maximum number of bytes in one read, however many are requested.
const PIECE: u64 = buffers::LARGE as u64;

/// An upload up to this size is read when it is opened: its first piece.
const AT_ONCE: u64 = 8 << 10;

/// The bytes of an upload, in a file that stays open even if its name is
/// removed.
#[derive(Debug)]
pub(super) struct FileContent {
    steps: Arc<Steps>,
    buffers: Buffers,
    refusals: Refusals,
    file: Arc<sys::File>,
    seen: sys::Seen,
    upload: Upload,
    /// The whole upload, if it is small and was in memory.
    whole: Option<Bytes>,
}

impl FileContent {
    /// Opens the stored bytes of an upload, which a writer may be extending.
    pub(super) fn open(store: &FileStore, id: UploadId) -> Result<Self, Error> {
        // Open the file before reading the offset: it then has all bytes up to
        // it.
        let (layout, file, seen, mut document) = place::open(store, &id).map_err(of_upload)?;
        let (upload, _) = look(store, id, &layout, seen, &mut document)?;
        Ok(Self::of(store, file, seen, upload))
    }

    /// Like [`open`](Self::open), in a short step. Returns `None` if it takes a
    /// long one.
    pub(super) fn glance(store: &FileStore, id: UploadId) -> Result<Option<Self>, Error> {
        let (layout, file, seen, document) = place::open(store, &id).map_err(of_upload)?;
        let found = glance(store, id, &layout, seen, &document)?;
        Ok(found.map(|(upload, _)| Self::of(store, file, seen, upload)))
    }

    fn of(store: &FileStore, file: sys::File, seen: sys::Seen, upload: Upload) -> Self {
        let whole = 0..upload.offset.get();
        let mut content = Self {
            steps: Arc::clone(&store.steps),
            buffers: store.buffers.clone(),
            refusals: store.refusals.clone(),
            file: file.into(),
            seen,
            upload,
            whole: None,
        };
        if (1..=AT_ONCE).contains(&whole.end) {
            let all = |bytes: &Bytes| bytes.len() as u64 == whole.end;
            content.whole = content.read_at_once(&whole).filter(all);
        }
        content
    }

    /// Reads what is in memory from the beginning of `range`, if anything is.
    fn read_at_once(&self, range: &Range<u64>) -> Option<Bytes> {
        if self.refusals.include(self.seen) {
            return None;
        }
        let mut buffer = self.buffers.take(length(range));
        match self.file.read_at_once(range.start, buffer.room()) {
            AtOnce::Read(read) => Some(buffer.filled(read)),
            AtOnce::Nothing => None,
            AtOnce::Unsupported => {
                self.refusals.add(self.seen);
                None
            }
        }
    }
}

/// The number of bytes in the next piece of a range.
fn length(range: &Range<u64>) -> usize {
    let length = (range.end - range.start).min(PIECE);
    usize::try_from(length).expect("a piece fits into memory")
}

#[async_trait]
impl Content for FileContent {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        Some(self.seen.modified)
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        if let Some(whole) = &self.whole {
            // It is small.
            return Ok(whole.slice(range.start as usize..range.end as usize));
        }
        // What is in memory needs no disk, so it stops no thread.
        if self.steps.may_run_inline()
            && let Some(bytes) = self.read_at_once(&range)
        {
            return Ok(bytes);
        }
        let file = Arc::clone(&self.file);
        let mut buffer = self.buffers.take(length(&range));
        let read = move || {
            let room = buffer.room();
            let length = room.len();
            file.read_exact_at(range.start, room).map_err(of_upload)?;
            Ok(buffer.filled(length))
        };
        self.steps.long(read).await
    }
}
