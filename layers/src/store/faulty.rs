//! A store for tests whose disk fails.

use async_trait::async_trait;

use super::{
    AppendError, AppendOptions, Appended, Concatenator, Handle, MemoryStore, Reader, Store,
    Terminator,
};
use crate::protocol::{Chunk, Error, FinishState, Length, NewUpload, Upload, UploadId};

/// A store in which every `fault` happens.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    pub(crate) store: MemoryStore,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An append stores its bytes, and then fails.
    Append,
    /// A complete upload cannot be finished, and has failed permanently.
    Finish,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        let store = MemoryStore::default();
        Self { store, fault }
    }

    fn handle(&self, handle: Box<dyn Handle>) -> Box<dyn Handle> {
        let fault = self.fault;
        Box::new(FaultyHandle { handle, fault })
    }
}

#[async_trait]
impl Store for Faulty {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        Ok(self.handle(self.store.create(new).await?))
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        Ok(self.handle(self.store.open(id).await?))
    }

    fn needs_finish(&self) -> bool {
        true
    }

    fn defers_length(&self) -> bool {
        true
    }

    fn terminator(&self) -> Option<&dyn Terminator> {
        self.store.terminator()
    }

    fn concatenator(&self) -> Option<&dyn Concatenator> {
        self.store.concatenator()
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.store.reader()
    }
}

#[derive(Debug)]
struct FaultyHandle {
    handle: Box<dyn Handle>,
    fault: Fault,
}

#[async_trait]
impl Handle for FaultyHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let appended = self.handle.append(chunk, options).await;
        let full = Error::InsufficientStorage(std::sync::Arc::new(std::io::Error::other("full")));
        match self.fault {
            Fault::Append => Appended::new(appended.offset, Err(AppendError::Store(full))),
            Fault::Finish => appended,
        }
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        self.handle.declare_length(length).await
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.handle.record(finishing).await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        if self.fault == Fault::Finish {
            self.record(FinishState::Failed).await?;
            return Err(Error::internal("the sync failed"));
        }
        Ok(())
    }
}
