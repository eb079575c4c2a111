use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::Content;

use super::error::of_upload;
use super::place::find;
use super::{FileStore, blocking, mark, sys};

/// Maximum number of bytes in one read, however many are requested.
const PIECE: u64 = 512 << 10;

/// The bytes of an upload, in a file that stays open even if its name is
/// removed.
#[derive(Debug)]
pub(super) struct FileContent {
    file: Arc<sys::File>,
    modified: Option<SystemTime>,
    upload: Upload,
}

impl FileContent {
    /// Opens the stored bytes of an upload without changing anything.
    pub(super) fn open(store: &FileStore, id: UploadId) -> io::Result<Self> {
        let (layout, _, document) = find(store, &id)?;
        // Open the file before reading the offset: it then has all bytes up to
        // it.
        let file = sys::File::open_to_read(&layout.data)?;
        let offset = mark::offset(&layout, file.len()?)?.ok_or(io::ErrorKind::NotFound)?;
        let mut upload = document.upload(id, offset);
        upload.storage = document.storage_at(&layout);
        upload.set_path(&layout.data);
        Ok(Self {
            modified: file.modified().ok(),
            file: file.into(),
            upload,
        })
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
        blocking(move || {
            let length = usize::try_from(length).expect("a piece fits into memory");
            file.read_at(range.start, length).map_err(of_upload)
        })
        .await
    }
}
