//! What clients do after a crash: they carry on.

use super::Promises;
use super::check::{bytes_are_right, is_whole, stored};
use super::notes::Plan;
use super::play::{Play, Step};
use crate::protocol::{Error, Role, Upload};
use crate::store::{Handle, WriteMode};

impl Play<'_> {
    /// Brings every upload to its end, and terminates it.
    pub(super) async fn carry_on(&mut self, promises: Promises) -> Step {
        let plans = self.plans().await?;
        self.complete(&plans, promises).await?;
        if self.store.terminator().is_none() {
            return Ok(());
        }
        for plan in &plans {
            self.terminate(&plan.id).await?;
            let found = self.store.open(&plan.id).await;
            if !matches!(found, Err(Error::NotFound)) {
                let id = &plan.id;
                self.answered("opening", id, found)?;
                panic!("{id}: it was terminated, but is there");
            }
        }
        Ok(())
    }

    /// Carries on, and does it all again: no id is stuck.
    pub(super) async fn carry_on_twice(&mut self, promises: Promises) -> Step {
        self.carry_on(promises).await?;
        let plans = self.plans().await?;
        self.complete(&plans, promises).await
    }

    /// Returns what clients want, who do not ask for a fresh id again whose
    /// upload is gone.
    async fn plans(&mut self) -> Step<Vec<Plan>> {
        let mut plans: Vec<_> = self.uploads.iter().map(|it| it.plan.clone()).collect();
        for plan in plans.iter().filter(|plan| plan.is_fresh()) {
            let found = self.store.open(&plan.id).await;
            if matches!(found, Err(Error::NotFound)) {
                self.uploads.retain(|noted| noted.plan.id != plan.id);
            }
        }
        plans.retain(|plan| self.uploads.iter().any(|it| it.plan.id == plan.id));
        Ok(plans)
    }

    /// Brings the uploads to their end, in the order of the case: parts come
    /// before their finals.
    async fn complete(&mut self, plans: &[Plan], promises: Promises) -> Step {
        let mut lacking = Vec::new();
        for plan in plans {
            let (id, found) = (&plan.id, self.store.open(&plan.id).await);
            // It may lack bytes, and clients may be told so only now. What it lacks,
            // its finals lack, too.
            let may_lack = |it: &Upload| !promises.finished && is_whole(it);
            let is_unverified = self.noted(id).lives.last().is_some_and(|it| it.unverified);
            let lacks = found.as_ref().is_ok_and(|it| may_lack(it.info()))
                || found.is_ok() && !promises.chunks && is_unverified
                || plan.parts().iter().any(|part| lacking.contains(part));
            if lacks {
                lacking.push(id.clone());
            }
            let handle = match found {
                Err(Error::NotFound) => self.make(plan).await?,
                found => {
                    let handle = self.answered("opening", id, found)?;
                    self.noted(id).is_found(handle.info());
                    match is_lost(handle.info()) {
                        true => self.make_again(plan, promises).await?,
                        false => handle,
                    }
                }
            };
            self.fill(plan, handle).await?;
            let handle = self.open(id).await?;
            assert!(
                handle.info().is_finished() || lacks,
                "{id}: it was finished, but is not: {:?}",
                handle.info()
            );
            let bytes = stored(&*self.store, handle.info()).await;
            if let Some(bytes) = self.answered("reading", id, bytes)?
                && !lacks
            {
                bytes_are_right(plan, &bytes);
            }
        }
        Ok(())
    }

    /// Creates the upload.
    async fn make(&mut self, plan: &Plan) -> Step<Box<dyn Handle>> {
        let Some(Role::Final { parts, pending }) = &plan.role else {
            return self.create(&plan.id).await;
        };
        if !pending {
            return self.concatenate(&plan.id).await;
        }
        let handle = self.create(&plan.id).await?;
        for part in parts {
            self.await_part(part, &plan.id).await?;
        }
        Ok(handle)
    }

    /// Replaces an upload that can never be complete.
    async fn make_again(&mut self, plan: &Plan, promises: Promises) -> Step<Box<dyn Handle>> {
        let id = &plan.id;
        assert!(!promises.finished, "{id}: it has lost bytes for good");
        self.terminate(id).await?;
        self.make(plan).await
    }

    /// Gives the upload the bytes that it lacks, and finishes it.
    async fn fill(&mut self, plan: &Plan, mut handle: Box<dyn Handle>) -> Step {
        if handle.info().is_pending() {
            self.assemble(&plan.id).await?;
            handle = self.open(&plan.id).await?;
        }
        let left = plan.length().remaining(handle.info().offset);
        if left > 0 {
            self.append(&mut *handle, left / 2, WriteMode::Atomic)
                .await?;
            self.append(&mut *handle, left - left / 2, WriteMode::Streaming)
                .await?;
        }
        let awaits = handle.info().completion.is_awaited();
        if handle.info().length.is_none() || awaits {
            self.declare(&mut *handle).await?;
        }
        match handle.info().is_finished() {
            true => Ok(()),
            false => self.finish(&mut *handle).await,
        }
    }
}

/// Returns whether the upload can never be complete.
fn is_lost(upload: &Upload) -> bool {
    let is_torn = upload.is_final() && !upload.is_pending() && !upload.is_complete();
    is_torn || upload.is_failed()
}
