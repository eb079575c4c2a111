use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Chunk, Error, FinishState, Length, Upload, UploadId};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle};

use super::append::append;
use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::place::find;
use super::writer::Writer;
use super::{Durability, FileStore, mark, publish, sys};

/// An upload that is stored in files.
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

    /// Finds an upload without changing anything.
    pub(super) fn open(store: &FileStore, id: UploadId) -> io::Result<Self> {
        let (layout, size, document) = find(store, &id)?;
        let offset = mark::offset(&layout, size)?.ok_or(io::ErrorKind::NotFound)?;
        let mut upload = document.upload(id, offset);
        upload.storage = document.storage_at(&layout);
        upload.set_path(&layout.data);
        Ok(Self::new(store.clone(), Arc::new(layout), document, upload))
    }

    /// Like [`info`](Handle::info).
    pub(super) const fn upload(&self) -> &Upload {
        &self.upload
    }

    /// Returns the paths of its files.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Rewrites `.info` to describe `upload`.
    pub(super) fn rewrite(mut self, upload: Upload) -> Result<Self, Error> {
        self.document.update(&upload);
        self.upload = upload;
        publish::again(&self.store, &self.layout, &self.document).map_err(of_upload)?;
        Ok(self)
    }

    /// Syncs the data file.
    ///
    /// The kernel drops pages that it could not write, so a second sync of the
    /// same bytes would wrongly succeed. A failed sync therefore fails for
    /// good.
    fn sync_data(&self) -> Result<(), Error> {
        if self.store.lost.contains(&self.upload.id) {
            return Err(Error::internal("an earlier sync of these bytes failed"));
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
        *self = self.store.step(|_| this.rewrite(upload)).await?;
        Ok(())
    }
}

#[async_trait]
impl Handle for FileHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let layout = self.layout.clone();
        let writer = Writer::new(
            layout,
            self.store.durability,
            options.mode,
            self.upload.offset.get(),
        );
        let mut appended = append(chunk, writer, &self.store.batches).await;
        self.upload.offset = appended.offset;
        if let Some(AppendError::Store(error @ Error::NotFound)) = &mut appended.error
            && let Err(lost) = self.store.step(|_| Ok(())).await
        {
            *error = lost;
        }
        appended
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        // The length may equal the offset of a chunk that a crash cut short. No
        // append would follow to roll its bytes back.
        let layout = self.layout.clone();
        let settle = move |_: &FileStore| mark::settle(&layout).map_err(of_upload);
        self.store.step(settle).await?;
        let mut upload = self.upload.clone();
        upload.length = Some(length);
        self.record_all(upload).await
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        let layout = self.layout.clone();
        let settle = move |_: &FileStore| mark::settle(&layout).map_err(of_upload);
        self.store.step(settle).await?;
        let mut upload = self.upload.clone();
        upload.declare_complete();
        self.record_all(upload).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        upload.finishing = Some(finishing);
        self.record_all(upload).await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if self.store.durability < Durability::Finish {
            return Ok(());
        }
        // Recording the finish syncs `.info` and the names.
        let this = self.clone();
        self.store.step(move |_| this.sync_data()).await
    }
}
