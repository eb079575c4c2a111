use async_trait::async_trait;
use tower_tus_layers::protocol::{
    Chunk, Error, FinishState, Length, ResponseOverride, Upload, UploadId,
};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle};

use super::adopt::{self, Refused};
use super::append::{self, Held};
use super::info::Info;
use super::keys::Keys;
use super::lock::Then;
use super::objects::ObjectError;
use super::place::Place;
use super::state::State;
use super::swap::Swapped;
use super::{ObjectStore, finish, tail};
use crate::store::document::Document;

/// An upload in an object store.
#[derive(Debug)]
pub(super) struct ObjectHandle {
    pub(super) store: ObjectStore,
    pub(super) keys: Keys,
    /// Where the finished object is.
    pub(super) place: Place,
    pub(super) info: Info,
    pub(super) upload: Upload,
    /// The last bytes, which are stored together with the finish.
    pub(super) held: Option<Held>,
    /// Whether the finished object is known to be there.
    pub(super) is_made: bool,
    /// Whether the epoch is that of this handle.
    is_writer: bool,
    /// Why the state that is stored is not known any more.
    lost: Option<Error>,
}

impl ObjectHandle {
    pub(super) async fn open(store: &ObjectStore, id: &UploadId) -> Result<Self, Error> {
        for (place, keys) in adopt::places(&store.prefix, id) {
            if let Some(info) = store.desk.take(&keys).await
                && adopt::id_at(&place, info.document.id()) == *id
            {
                return Self::of(store, keys, info, id);
            }
        }
        Self::read(store, id).await
    }

    /// Opens an upload for a request without a lock, even if another one holds it.
    pub(super) async fn read(store: &ObjectStore, id: &UploadId) -> Result<Self, Error> {
        let (keys, info) = Info::find(store, id).await?;
        Self::of(store, keys, info, id)
    }

    fn of(store: &ObjectStore, keys: Keys, info: Info, id: &UploadId) -> Result<Self, Error> {
        match info.refused.and_then(Refused::error) {
            Some(refused) => Err(refused),
            None if info.state.gone => Err(Error::NotFound),
            None => Self::opened(store, keys, info, id.clone()),
        }
    }

    pub(super) fn opened(
        store: &ObjectStore,
        keys: Keys,
        info: Info,
        id: UploadId,
    ) -> Result<Self, Error> {
        Ok(Self {
            store: store.clone(),
            place: store.place(&keys, &info.state)?,
            keys,
            upload: info.upload(id),
            is_made: info.state.whole,
            info,
            held: None,
            is_writer: false,
            lost: None,
        })
    }

    /// Makes a handle of an upload that was just created.
    pub(super) fn created(
        store: &ObjectStore,
        keys: Keys,
        info: Info,
        id: UploadId,
    ) -> Result<Self, Error> {
        Ok(Self {
            is_writer: true,
            ..Self::opened(store, keys, info, id)?
        })
    }

    /// Replaces the state. The first time, this takes over from any other writer.
    ///
    /// # Errors
    ///
    /// If another request has changed the upload, or nobody can tell, this handle does
    /// nothing more.
    pub(super) async fn swap(&mut self, document: Document, state: State) -> Result<(), Error> {
        self.swap_then(document, state, Then::End).await
    }

    /// Replaces the state like [`swap`](Self::swap). While the request goes on, it stays
    /// announced to other servers.
    pub(super) async fn swap_then(
        &mut self,
        document: Document,
        state: State,
        then: Then,
    ) -> Result<(), Error> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let mut state = state;
        if !self.is_writer {
            state.epoch += 1;
        }
        let (desk, objects) = (&self.store.desk, &*self.store.objects);
        let swapped = desk.swap(objects, &self.keys, &self.info, (document, state), then);
        let error = match swapped.await {
            Ok(Swapped::Done(info)) => {
                self.is_writer = true;
                self.upload = info.upload(self.upload.id.clone());
                self.info = info;
                return Ok(());
            }
            Ok(Swapped::Newer(newer)) => self.beaten(&newer),
            Err(ObjectError::NotFound) => Error::NotFound,
            Err(error @ ObjectError::Unknown(_)) => error.into(),
            // Nothing was done.
            Err(error) => return Err(error.into()),
        };
        self.lost = Some(error.clone());
        Err(error)
    }

    fn beaten(&self, newer: &Info) -> Error {
        let current = newer.upload(self.upload.id.clone()).offset;
        match current == self.upload.offset {
            _ if newer.state.gone => Error::NotFound,
            true => Error::LockTimeout,
            false => Error::MismatchedOffset { current },
        }
    }

    /// Replaces the state by one that describes `upload`.
    pub(super) async fn rewrite(
        &mut self,
        upload: Upload,
        edit: impl FnOnce(&mut Document) + Send,
    ) -> Result<(), Error> {
        let (mut document, mut state) = (self.info.document.clone(), self.info.state.clone());
        document.update(&upload);
        edit(&mut document);
        let is_finished = upload.finishing == Some(FinishState::Done) && self.is_made;
        let pieces = match is_finished {
            true => tail::names(&state),
            false => Vec::new(),
        };
        if is_finished {
            state.set_whole();
        }
        self.swap(document, state).await?;
        tail::remove(&self.store.objects, &self.keys, pieces).await;
        Ok(())
    }

    /// Stores the bytes that were held back.
    pub(super) async fn release(&mut self) -> Result<(), Error> {
        match self.held.take() {
            Some(held) => append::release(self, held).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Handle for ObjectHandle {
    fn info(&self) -> &Upload {
        &self.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let refused = match self.upload.is_failed() {
            true => Err(Error::UploadFailed),
            false => self.release().await,
        };
        match refused {
            Ok(()) => append::append(self, chunk, &options).await,
            Err(error) => Appended::new(self.upload.offset, Err(AppendError::Store(error))),
        }
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        self.release().await?;
        let mut upload = self.upload.clone();
        upload.length = Some(length);
        self.rewrite(upload, |_| {}).await
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        self.release().await?;
        let mut upload = self.upload.clone();
        upload.declare_complete();
        self.rewrite(upload, |_| {}).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.release().await?;
        let mut upload = self.upload.clone();
        upload.finishing = Some(finishing);
        self.rewrite(upload, |_| {}).await
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        self.release().await?;
        let mut upload = self.upload.clone();
        upload.finishing = Some(FinishState::Done);
        self.rewrite(upload, |document| document.set_answer(answer))
            .await
    }

    fn answer(&self) -> Option<ResponseOverride> {
        self.info.document.answer()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        finish::finish(self).await
    }

    async fn finish_and_record(&mut self) -> Result<(), Error> {
        finish::finish_and_record(self).await
    }
}
