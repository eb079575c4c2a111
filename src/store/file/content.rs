use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Content;

use super::error::of_upload;
use super::look::{glance, look};
use super::place::find;
use super::{FileStore, Steps, sys};

/// Maximum number of bytes in one read, however many are requested.
const PIECE: u64 = 512 << 10;

/// The bytes of an upload, in a file that stays open even if its name is
/// removed.
#[derive(Debug)]
pub(super) struct FileContent {
    steps: Arc<Steps>,
    file: Arc<sys::File>,
    modified: Option<SystemTime>,
    upload: Upload,
}

impl FileContent {
    /// Opens the stored bytes of an upload, which a writer may be extending.
    pub(super) fn open(store: &FileStore, id: UploadId) -> Result<Self, Error> {
        let (layout, _, mut document) = find(store, &id).map_err(of_upload)?;
        // Open the file before reading the offset: it then has all bytes up to
        // it.
        let file = sys::File::open_to_read(&layout.data).map_err(of_upload)?;
        let seen = file.seen().map_err(of_upload)?;
        let (upload, _) = look(store, id, &layout, seen, &mut document)?;
        Ok(Self::of(store, file, seen, upload))
    }

    /// Like [`open`](Self::open), in a short step. Returns `None` if it takes a
    /// long one.
    pub(super) fn glance(store: &FileStore, id: UploadId) -> Result<Option<Self>, Error> {
        let (layout, _, document) = find(store, &id).map_err(of_upload)?;
        let file = sys::File::open_to_read(&layout.data).map_err(of_upload)?;
        let seen = file.seen().map_err(of_upload)?;
        let found = glance(store, id, &layout, seen, &document)?;
        Ok(found.map(|(upload, _)| Self::of(store, file, seen, upload)))
    }

    fn of(store: &FileStore, file: sys::File, seen: sys::Seen, upload: Upload) -> Self {
        Self {
            steps: Arc::clone(&store.steps),
            modified: Some(seen.modified),
            file: file.into(),
            upload,
        }
    }
}

#[async_trait]
impl Content for FileContent {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let file = Arc::clone(&self.file);
        let length = (range.end - range.start).min(PIECE);
        let read = move || {
            let length = usize::try_from(length).expect("a piece fits into memory");
            file.read_at(range.start, length).map_err(of_upload)
        };
        self.steps.long(read).await
    }
}
