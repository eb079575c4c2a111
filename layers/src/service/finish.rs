//! Finishes complete uploads.

use http::request::Parts;

use super::Core;
use crate::context::Context;
use crate::gate::Refused;
use crate::protocol::{Error, FinishState, Upload};
use crate::store::Handle;

impl Core {
    /// Finishes a complete upload: the store's own finish, then every gate,
    /// then the record of it. Where no gate decides, the record comes first, as
    /// one step with the store's finish.
    ///
    /// The whole is idempotent: if it fails or is interrupted before the record
    /// is written, the next HEAD or PATCH repeats it. Only a gate's refusal
    /// counts as an attempt: failures of a gate or a store may be temporary.
    pub(super) async fn finish(&self, parts: &Parts, handle: &mut dyn Handle) -> Result<(), Error> {
        let attempts = match handle.info().finishing {
            Some(FinishState::Pending { attempts }) => attempts,
            _ => 0,
        };
        if self.finish_attempts > 0 && attempts >= self.finish_attempts {
            return Err(Error::Rejected);
        }
        if !Context::of(&parts.extensions).decides_completion() {
            handle.finish_and_record().await?;
            return ask_gates(parts, handle).await;
        }
        handle.finish().await?;
        let (finishing, result) = match ask_gates(parts, handle).await {
            Ok(()) => (FinishState::Done, Ok(())),
            Err(error) if Refused::is_behind(&error) => {
                let attempts = attempts.saturating_add(1);
                (FinishState::Pending { attempts }, Err(error))
            }
            Err(error) => return Err(error),
        };
        if handle.info().finishing.is_some() {
            // Report the first failure.
            let record = handle.record(finishing).await;
            return result.and(record);
        }
        result
    }

    /// Finishes an upload that was found complete but unfinished, and returns
    /// whether it was. Does nothing for any other upload.
    pub(super) async fn finish_again(
        &self,
        parts: &Parts,
        handle: &mut dyn Handle,
    ) -> Result<bool, Error> {
        if !is_due(handle.info()) {
            return Ok(false);
        }
        self.finish(parts, handle).await.map(|()| true)
    }
}

/// Whether an upload that was opened is still to be finished.
pub(super) fn is_due(upload: &Upload) -> bool {
    upload.is_complete() && !upload.is_finished() && !upload.is_failed()
}

async fn ask_gates(parts: &Parts, handle: &mut dyn Handle) -> Result<(), Error> {
    let context = Context::of(&parts.extensions);
    for gate in context.gates() {
        match gate.complete(parts, handle.info()).await {
            Err(error) if gate.decides_completion() => return Err(error),
            Err(error) if context.is_logged() => {
                tracing::warn!(%error, ?gate, id = %handle.info().id, "gate failed");
            }
            Err(_) | Ok(()) => {}
        }
    }
    Ok(())
}
