use std::sync::Arc;

use async_trait::async_trait;
use tower_tus_layers::protocol::{Chunk, Error, FinishState, Length, ResponseOverride, Upload};
use tower_tus_layers::store::{AppendError, AppendOptions, Appended, Handle};

use super::charge::{charge, charge_at};
use super::growing::Growing;
use super::ledger::{Change, Ledger};

/// An upload whose growth is limited.
#[derive(Debug)]
pub(super) struct LimitedHandle {
    pub(super) handle: Box<dyn Handle>,
    pub(super) ledger: Arc<Ledger>,
}

impl LimitedHandle {
    /// Begins to change what the upload is charged.
    async fn change(&mut self) -> Result<Change, Error> {
        self.ledger.is_counted().await?;
        let upload = self.handle.info();
        self.ledger.change(&upload.id, self.ledger.claim(upload))
    }

    /// Appends to an upload with a deferred length, as far as the limits allow.
    async fn append_limited(
        &mut self,
        change: Change,
        chunk: Chunk<'_>,
        options: AppendOptions,
    ) -> Appended {
        let mut body = Growing::new(chunk, change, Arc::clone(&self.ledger));
        let mut appended = self.handle.append(Chunk::new(&mut body), options).await;
        let (change, full) = body.into_parts();
        // What was reserved and not stored is given back.
        change.end(charge_at(self.handle.info(), appended.offset));
        if let (Some(full), Some(AppendError::Body(_))) = (full, &appended.error) {
            appended.error = Some(AppendError::Store(full));
        }
        appended
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Handle for LimitedHandle {
    fn info(&self) -> &Upload {
        self.handle.info()
    }

    async fn append(&mut self, chunk: Chunk<'_>, options: AppendOptions) -> Appended {
        let upload = self.handle.info();
        // Otherwise its whole length is charged already.
        if upload.length.is_some() {
            return self.handle.append(chunk, options).await;
        }
        let offset = upload.offset;
        match self.change().await {
            Ok(change) => self.append_limited(change, chunk, options).await,
            Err(error) => Appended::new(offset, Err(AppendError::Store(error))),
        }
    }

    async fn declare_length(&mut self, length: Length) -> Result<(), Error> {
        let change = self.change().await?;
        let wanted = length.get().saturating_sub(change.claim().bytes);
        let change = self.ledger.reserve(change, wanted).await?;
        // If it fails, the length may have been recorded.
        self.handle.declare_length(length).await?;
        change.end(charge(self.handle.info()));
        Ok(())
    }

    async fn declare_complete(&mut self) -> Result<(), Error> {
        let change = self.change().await?;
        self.handle.declare_complete().await?;
        change.end(charge(self.handle.info()));
        Ok(())
    }

    async fn record(&mut self, finishing: FinishState) -> Result<(), Error> {
        self.handle.record(finishing).await
    }

    async fn record_finished(&mut self, answer: &ResponseOverride) -> Result<(), Error> {
        self.handle.record_finished(answer).await
    }

    fn answer(&self) -> Option<ResponseOverride> {
        self.handle.answer()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.handle.finish().await
    }

    async fn finish_and_record(&mut self) -> Result<(), Error> {
        self.handle.finish_and_record().await
    }
}
