use async_trait::async_trait;
use tower_tus_layers::protocol::{Chunk, Error, FinishState, Length, ResponseOverride, Upload};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle};

use super::append::append;
use super::state::State;
use super::sync::Step;
use super::writer::Writer;
use super::{FileStore, sys};

/// An upload that is stored in files.
#[derive(Debug)]
pub(super) struct FileHandle {
    state: State,
    /// The data file, open for writing: since the upload was created, or since
    /// the append that has completed it. It is written to, synced and closed
    /// without being opened again.
    data: Option<sys::File>,
}

impl FileHandle {
    /// Makes a handle of an upload that was opened.
    pub(super) const fn opened(state: State) -> Self {
        Self { state, data: None }
    }

    /// Makes a handle of an upload that was created, with its data file.
    pub(super) const fn created(state: State, data: Option<sys::File>) -> Self {
        Self { state, data }
    }

    /// Runs a change of the state.
    async fn change(
        &mut self,
        change: impl FnOnce(State) -> Result<State, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (state, store) = (self.state.clone(), &self.state.store);
        self.state = match store.durability.syncs(Step::Replaced) {
            true => store.long(|_| change(state)).await?,
            false => store.short(|_| change(state)).await?,
        };
        Ok(())
    }

    /// Rewrites `.info` to describe `upload`, after a change that ends a chunk.
    async fn settle_and_rewrite(&mut self, upload: Upload) -> Result<(), Error> {
        if !self.state.is_settled {
            let state = self.state.clone();
            self.state = self.state.store.long(|_| state.settle()).await?;
        }
        self.change(|state| state.rewrite(upload)).await
    }

    /// Runs a step that ends the upload, with its data file if it is open.
    async fn end(
        &mut self,
        end: impl FnOnce(&mut State, Option<sys::File>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (mut state, data) = (self.state.clone(), self.data.take());
        let step = move |_: &FileStore| {
            let ended = end(&mut state, data);
            Ok((state, ended))
        };
        let (state, ended) = self.state.store.long(step).await?;
        self.state = state;
        ended
    }

    fn writer(&mut self, options: &AppendOptions) -> Writer {
        Writer::new(&self.state, self.data.take(), options.mode)
    }
}

#[async_trait]
impl Handle for FileHandle {
    fn info(&self) -> &Upload {
        &self.state.upload
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let state = &self.state;
        if state.upload.is_failed() {
            let failed = AppendError::Store(Error::UploadFailed);
            return Appended::new(state.upload.offset, Err(failed));
        }
        if state.document.is_synced() && !state.syncs_all() {
            let unchanged = state.upload.clone();
            if let Err(error) = self.change(|state| state.rewrite(unchanged)).await {
                return Appended::new(self.state.upload.offset, Err(AppendError::Store(error)));
            }
        }
        let writer = self.writer(&options);
        let ended = append(chunk, writer, &self.state.store.batches).await;
        let mut appended = ended.appended;
        self.data = ended.data;
        self.state.is_settled = ended.is_settled;
        self.state.upload.offset = appended.offset;
        if let Some(AppendError::Store(error)) = &mut appended.error {
            // A step explains its failure.
            let cause = error.clone();
            if let Err(explained) = self.state.store.long::<()>(|_| Err(cause)).await {
                *error = explained;
            }
        }
        appended
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let mut upload = self.state.upload.clone();
        upload.length = Some(length);
        self.settle_and_rewrite(upload).await
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        let mut upload = self.state.upload.clone();
        upload.declare_complete();
        self.settle_and_rewrite(upload).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        let mut upload = self.state.upload.clone();
        upload.finishing = Some(finishing);
        self.change(|state| state.rewrite(upload)).await
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        let mut upload = self.state.upload.clone();
        upload.finishing = Some(FinishState::Done);
        let answer = answer.clone();
        self.change(move |mut state| {
            state.document.set_answer(&answer);
            state.rewrite(upload)
        })
        .await
    }

    fn answer(&self) -> Option<ResponseOverride> {
        self.state.document.answer()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        match self.state.store.durability.syncs(Step::Finished) {
            true => self.end(State::finish).await,
            false => Ok(()),
        }
    }

    async fn finish_and_record(&mut self) -> Result<(), Error> {
        let is_recorded = self.state.upload.finishing.is_some();
        match is_recorded || self.state.store.durability.syncs(Step::Finished) {
            true => self.end(State::finish_and_record).await,
            false => Ok(()),
        }
    }
}
