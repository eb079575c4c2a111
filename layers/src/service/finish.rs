//! Finishes complete uploads.

use http::request::Parts;

use super::Core;
use crate::context::Context;
use crate::gate::Refused;
use crate::protocol::{Error, FinishState, ResponseOverride, Upload};
use crate::store::Handle;

/// The maximum size of an answer that is kept, in bytes.
const MAX_ANSWER: usize = 64 << 10;

impl Core {
    /// Finishes a complete upload: the store's own finish, then every gate,
    /// then the record of it, with the answer of the gates that decide. Where no
    /// gate decides, the record comes first, as one step with the store's finish.
    /// Returns the answer.
    ///
    /// The whole is idempotent: if it fails or is interrupted before the record
    /// is written, the next HEAD or PATCH repeats it. Only a gate's refusal
    /// counts as an attempt: failures of a gate or a store may be temporary.
    pub(super) async fn finish(
        &self,
        parts: &Parts,
        handle: &mut dyn Handle,
    ) -> Result<ResponseOverride, Error> {
        if !self.may_finish(handle.info()) {
            return Err(Error::Rejected);
        }
        if !Context::of(&parts.extensions).decides_completion() {
            handle.finish_and_record().await?;
            return ask_gates(parts, handle.info()).await;
        }
        handle.finish().await?;
        let asked = ask_gates(parts, handle.info()).await;
        let recorded = match &asked {
            _ if handle.info().finishing.is_none() => Ok(()),
            Ok(answer) => record_finished(parts, handle, answer).await,
            Err(error) if Refused::is_behind(error) => {
                let attempts = attempts(handle.info()).saturating_add(1);
                handle.record(FinishState::Pending { attempts }).await
            }
            Err(_) => Ok(()),
        };
        // Report the first failure.
        let answer = asked?;
        recorded.map(|()| answer)
    }

    /// Returns whether the upload has not been refused too often.
    pub(super) fn may_finish(&self, upload: &Upload) -> bool {
        self.finish_attempts == 0 || attempts(upload) < self.finish_attempts
    }

    /// Finishes an upload that was found complete but unfinished, and returns the
    /// answer. Does nothing for any other upload.
    pub(super) async fn finish_again(
        &self,
        parts: &Parts,
        handle: &mut dyn Handle,
    ) -> Result<Option<ResponseOverride>, Error> {
        if !is_due(handle.info()) {
            return Ok(None);
        }
        self.finish(parts, handle).await.map(Some)
    }
}

/// Returns how often a gate has refused to finish the upload.
const fn attempts(upload: &Upload) -> u32 {
    match upload.finishing {
        Some(FinishState::Pending { attempts }) => attempts,
        _ => 0,
    }
}

/// Returns the answer that an earlier request got when it finished the upload.
pub(super) fn kept_answer(handle: &dyn Handle) -> ResponseOverride {
    let answer = handle.info().is_finished().then(|| handle.answer());
    answer.flatten().unwrap_or_default()
}

/// Whether an upload that was opened is still to be finished.
pub(super) fn is_due(upload: &Upload) -> bool {
    upload.is_complete() && !upload.is_finished() && !upload.is_failed()
}

/// Asks every gate, and returns the answer of those that decide.
async fn ask_gates(parts: &Parts, upload: &Upload) -> Result<ResponseOverride, Error> {
    let context = Context::of(&parts.extensions);
    let mut answer = ResponseOverride::default();
    for gate in context.gates() {
        match gate.complete(parts, upload).await {
            Ok(()) if gate.decides_completion() => answer.merge(gate.answer(parts, upload)),
            Err(error) if gate.decides_completion() => return Err(error),
            Err(error) if context.is_logged() => {
                tracing::warn!(%error, ?gate, id = %upload.id, "gate failed");
            }
            Err(_) | Ok(()) => {}
        }
    }
    Ok(answer)
}

/// Records that the upload is finished, and the answer if there is one to keep.
async fn record_finished(
    parts: &Parts,
    handle: &mut dyn Handle,
    answer: &ResponseOverride,
) -> Result<(), Error> {
    let bytes = answer.bytes();
    if !answer.is_empty() && bytes <= MAX_ANSWER {
        return handle.record_finished(answer).await;
    }
    if bytes > MAX_ANSWER && Context::of(&parts.extensions).is_logged() {
        let id = &handle.info().id;
        tracing::warn!(%id, bytes, "the answer to a finished upload is too large to be kept");
    }
    handle.record(FinishState::Done).await
}
