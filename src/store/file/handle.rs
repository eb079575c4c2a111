use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Chunk, Error, FinishState, Length, Upload, UploadId};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle};

use super::append::append;
use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::look::{glance, look, make_durable};
use super::place::find;
use super::sync::{Part, Step};
use super::writer::Writer;
use super::{FileStore, counted, publish, sys};

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

    /// Finds an upload.
    pub(super) fn open(store: &FileStore, id: UploadId) -> Result<Self, Error> {
        let (layout, size, mut document) = find(store, &id).map_err(of_upload)?;
        let upload = look(store, id, &layout, size, &mut document)?;
        Ok(Self::new(store.clone(), Arc::new(layout), document, upload))
    }

    /// Finds an upload in a short step. Returns `None` if that takes a long one,
    /// [`open`](Self::open).
    pub(super) fn glance(store: &FileStore, id: UploadId) -> Result<Option<Self>, Error> {
        let (layout, size, document) = find(store, &id).map_err(of_upload)?;
        let upload = glance(store, id, &layout, size, &document)?;
        Ok(upload.map(|upload| Self::new(store.clone(), Arc::new(layout), document, upload)))
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
        if self.store.failed.contains(&upload.id) {
            return Err(Error::UploadFailed);
        }
        self.document.update(&upload);
        // What this process does not sync, a later one has to.
        let is_finish = upload.is_finished() && self.store.durability.syncs(Step::Finished);
        let is_synced = is_finish || self.document.is_synced() && self.syncs_all();
        self.document.set_synced(is_synced);
        self.upload = upload;
        publish::again(&self.store, &self.layout, &self.document).map_err(|error| {
            // The new `.info` may be there, and yet not be durable.
            self.store.synced.forget(&self.upload.id);
            of_upload(error)
        })?;
        Ok(self)
    }

    /// Whether each change of the upload is synced.
    fn syncs_all(&self) -> bool {
        self.store.durability.syncs(Step::Stored)
    }

    /// Removes what a crash left of a chunk. No append may follow to do so.
    fn settle(&self) -> io::Result<()> {
        let data = sys::File::open(&self.layout.data)?;
        counted::settle(self.store.durability, &self.layout, &data)
    }

    fn is_settled(&self) -> io::Result<bool> {
        let data = sys::File::open_to_read(&self.layout.data)?;
        counted::is_settled(&self.layout, &data)
    }

    fn make_durable(&mut self) -> Result<(), Error> {
        if self.store.failed.contains(&self.upload.id) || self.upload.is_failed() {
            return Err(Error::UploadFailed);
        }
        let (document, upload) = (&mut self.document, &mut self.upload);
        make_durable(&self.store, Part::Whole, &self.layout, document, upload)?;
        Ok(())
    }

    /// Like [`rewrite`](Self::rewrite), for a change that ends a chunk.
    async fn settle_and_rewrite(&mut self, upload: Upload) -> Result<(), Error> {
        let this = self.clone();
        let is_settled = move |_: &FileStore| this.is_settled().map_err(of_upload);
        if !self.store.short(is_settled).await? {
            let this = self.clone();
            let settle = move |_: &FileStore| this.settle().map_err(of_upload);
            self.store.long(settle).await?;
        }
        self.change(|this| this.rewrite(upload)).await
    }

    /// Runs a change of this handle that blocks.
    async fn change(
        &mut self,
        change: impl FnOnce(Self) -> Result<Self, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let this = self.clone();
        let is_synced = self.store.durability.syncs(Step::Replaced);
        *self = match is_synced {
            true => self.store.long(|_| change(this)).await?,
            false => self.store.short(|_| change(this)).await?,
        };
        Ok(())
    }
}

#[async_trait]
impl Handle for FileHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        if self.upload.is_failed() {
            let failed = AppendError::Store(Error::UploadFailed);
            return Appended::new(self.upload.offset, Err(failed));
        }
        if self.document.is_synced() && !self.syncs_all() {
            let unchanged = self.upload.clone();
            if let Err(error) = self.change(|this| this.rewrite(unchanged)).await {
                return Appended::new(self.upload.offset, Err(AppendError::Store(error)));
            }
        }
        let writer = Writer::new(
            self.store.clone(),
            self.upload.id.clone(),
            self.layout.clone(),
            options.mode,
            self.upload.offset,
        );
        let mut appended = append(chunk, writer, &self.store.batches).await;
        self.upload.offset = appended.offset;
        if let Some(AppendError::Store(error)) = &mut appended.error {
            // A step explains its failure.
            let cause = error.clone();
            if let Err(explained) = self.store.long::<()>(|_| Err(cause)).await {
                *error = explained;
            }
        }
        appended
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        upload.length = Some(length);
        self.settle_and_rewrite(upload).await
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        upload.declare_complete();
        self.settle_and_rewrite(upload).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        upload.finishing = Some(finishing);
        self.change(|this| this.rewrite(upload)).await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if !self.store.durability.syncs(Step::Finished) {
            return Ok(());
        }
        let mut this = self.clone();
        let finish = move |_: &FileStore| {
            let finished = this.make_durable();
            Ok((this, finished))
        };
        let (this, finished) = self.store.long(finish).await?;
        *self = this;
        finished
    }
}
