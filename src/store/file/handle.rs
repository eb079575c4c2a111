use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Chunk, Error, Finishing, Upload, UploadId};
use tower_tus_layers::store::{Appended, Handle, Keep};

use super::append::append;
use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::writer::Writer;
use super::{Durability, FileStore, blocking, mark, publish, sys};

/// An upload in files.
#[derive(Clone, Debug)]
pub(super) struct FileHandle {
    store: FileStore,
    layout: Arc<Layout>,
    document: Document,
    upload: Upload,
}

impl FileHandle {
    pub(super) const fn new(
        store: FileStore,
        layout: Arc<Layout>,
        document: Document,
        upload: Upload,
    ) -> Self {
        Self {
            store,
            layout,
            document,
            upload,
        }
    }

    /// Finds an upload, and changes nothing.
    pub(super) fn open(store: &FileStore, id: UploadId) -> io::Result<Self> {
        let (layout, size, document) = find(store, &id)?;
        let offset = mark::offset(&layout, size)?.ok_or(io::ErrorKind::NotFound)?;
        let upload = document.upload(id, offset);
        Ok(Self::new(store.clone(), Arc::new(layout), document, upload))
    }

    /// As [`info`](Handle::info).
    pub(super) const fn upload(&self) -> &Upload {
        &self.upload
    }

    /// Where its files are.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes `.info` anew, so that it tells of `upload`.
    pub(super) fn rewrite(mut self, upload: Upload) -> Result<Self, Error> {
        self.document.update(&upload);
        self.upload = upload;
        publish::again(&self.store, &self.layout, &self.document).map_err(of_upload)?;
        Ok(self)
    }

    /// Makes the bytes last.
    ///
    /// The system forgets what it could not write, so a sync that is tried again on
    /// the same bytes would succeed and be wrong: one that has failed stays so.
    fn sync_data(&self) -> Result<(), Error> {
        if self.store.lost.contains(&self.upload.id) {
            return Err(Error::internal("an earlier sync of these bytes has failed"));
        }
        let file = sys::open_to_sync(&self.layout.data).map_err(of_upload)?;
        let synced = file.sync_all();
        synced.map_err(|error| {
            self.store.lost.insert(self.upload.id.clone());
            of_upload(error)
        })
    }

    async fn record_all(&mut self, upload: Upload) -> Result<(), Error> {
        let this = self.clone();
        *self = blocking(move || this.rewrite(upload)).await?;
        Ok(())
    }
}

/// What is known of an upload, and where its bytes are.
pub(super) fn find(store: &FileStore, id: &UploadId) -> io::Result<(Layout, u64, Document)> {
    let layout = Layout::new(&store.dir, id);
    let document = Document::read(&layout.info)?.ok_or(io::ErrorKind::NotFound)?;
    let (layout, size) = locate(store, layout, &document)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((layout, size, document))
}

/// Where the bytes are, and how many: where `.info` says, or in their own place
/// when the whole directory has moved.
pub(super) fn locate(
    store: &FileStore,
    layout: Layout,
    document: &Document,
) -> io::Result<Option<(Layout, u64)>> {
    let told: Option<PathBuf> = document.data().map(|data| store.dir.join(data));
    if let Some(told) = told
        && let Some(size) = sys::file_size(&told)?
    {
        return Ok(Some((layout.with_data(told), size)));
    }
    let size = sys::file_size(&layout.data)?;
    Ok(size.map(|size| (layout, size)))
}

#[async_trait]
impl Handle for FileHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, keep: Keep) -> Appended {
        let layout = self.layout.clone();
        let writer = Writer::new(layout, self.store.durability, keep, self.upload.offset);
        let appended = append(chunk, writer, &self.store.batches).await;
        self.upload.offset = appended.offset;
        appended
    }

    async fn declare_length(&mut self, length: u64) -> Result<(), Error> {
        // The length may be where a chunk began that a crash cut short, and
        // then no append comes that would take its bytes back.
        let layout = self.layout.clone();
        blocking(move || mark::settle(&layout).map_err(of_upload)).await?;
        let mut upload = self.upload.clone();
        upload.length = Some(length);
        self.record_all(upload).await
    }

    async fn record(&mut self, finishing: Finishing) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        upload.finishing = Some(finishing);
        self.record_all(upload).await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if self.store.durability < Durability::Finish {
            return Ok(());
        }
        // `.info` and the names follow with the record of it.
        let this = self.clone();
        blocking(move || this.sync_data()).await
    }
}
