//! An upload as it was opened: the blocking half of a handle.

use std::sync::Arc;

use tower_tus_layers::protocol::{Error, FinishState, Upload, UploadId};

use super::counted::{self, Counted, Tail};
use super::error::of_upload;
use super::info::Document;
use super::layout::Layout;
use super::look::{glance, look, make_durable};
use super::place::find;
use super::sync::{Part, Step};
use super::{Durability, FileStore, publish, sys};

/// The state of an upload, with the changes made since it was opened.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) store: FileStore,
    pub(super) layout: Arc<Layout>,
    pub(super) document: Document,
    pub(super) upload: Upload,
    /// See [`Counted`].
    pub(super) is_settled: bool,
    /// What was known of the last bytes when it was opened.
    pub(super) tail: Tail,
}

impl State {
    /// Finds an upload.
    pub(super) fn open(store: &FileStore, id: UploadId) -> Result<Self, Error> {
        let (layout, seen, mut document) = find(store, &id).map_err(of_upload)?;
        let found = look(store, id, &layout, seen, &mut document)?;
        Ok(Self::of(store, layout, document, found))
    }

    /// Finds an upload in a short step. Returns `None` if that takes a long one,
    /// [`open`](Self::open).
    pub(super) fn glance(store: &FileStore, id: UploadId) -> Result<Option<Self>, Error> {
        let (layout, seen, document) = find(store, &id).map_err(of_upload)?;
        let found = glance(store, id, &layout, seen, &document)?;
        Ok(found.map(|found| Self::of(store, layout, document, found)))
    }

    fn of(
        store: &FileStore,
        layout: Layout,
        document: Document,
        (upload, counted): (Upload, Counted),
    ) -> Self {
        Self {
            store: store.clone(),
            layout: Arc::new(layout),
            tail: document.tail(),
            document,
            upload,
            is_settled: counted.is_settled,
        }
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

    /// Removes what a crash left of a chunk. No append may follow to do so.
    pub(super) fn settle(mut self) -> Result<Self, Error> {
        let data = sys::File::open(&self.layout.data);
        let durability = self.store.durability;
        data.and_then(|data| counted::settle(durability, &self.layout, &data, self.tail))
            .map_err(of_upload)?;
        self.is_settled = true;
        Ok(self)
    }

    /// Whether each change of the upload is synced.
    pub(super) fn syncs_all(&self) -> bool {
        self.store.durability.syncs(Step::Stored)
    }

    /// Syncs a complete upload, whose data file may be open already.
    pub(super) fn finish(&mut self, data: Option<sys::File>) -> Result<(), Error> {
        match self.store.durability.syncs(Step::Finished) {
            true => self.make_durable(Part::Whole, data),
            false => Ok(()),
        }
    }

    /// Does the same, and records that the upload is finished.
    pub(super) fn finish_and_record(&mut self, data: Option<sys::File>) -> Result<(), Error> {
        if !self.is_to_be_sealed() {
            self.finish(data)?;
            return self.record_finished();
        }
        self.make_durable(Part::Finish, data)?;
        self.upload.finishing = Some(FinishState::Done);
        self.document.seal();
        Ok(())
    }

    /// Whether to seal `.info` instead of replacing it. That costs less where it
    /// has to be synced anyway. Where it is durable by now, nothing is written to
    /// it, so that no failure of the disk can take it.
    fn is_to_be_sealed(&self) -> bool {
        let is_pending = matches!(self.upload.finishing, Some(FinishState::Pending { .. }));
        let is_synced = self
            .store
            .synced
            .covers(&self.upload.id, self.upload.offset);
        self.store.durability == Durability::Finish && is_pending && !is_synced
    }

    fn record_finished(&mut self) -> Result<(), Error> {
        let mut upload = self.upload.clone();
        if upload.finishing.is_none() {
            return Ok(());
        }
        upload.finishing = Some(FinishState::Done);
        *self = self.clone().rewrite(upload)?;
        Ok(())
    }

    fn make_durable(&mut self, part: Part, data: Option<sys::File>) -> Result<(), Error> {
        if self.store.failed.contains(&self.upload.id) || self.upload.is_failed() {
            return Err(Error::UploadFailed);
        }
        let (document, upload) = (&mut self.document, &mut self.upload);
        make_durable(&self.store, part, &self.layout, document, upload, data)?;
        Ok(())
    }
}
