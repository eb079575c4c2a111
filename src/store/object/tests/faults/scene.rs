//! What a server does while one of its calls fails.

use tower_tus_layers::protocol::{Body, Interrupt};
use tower_tus_layers::store::{Concatenator, Terminator};

use super::super::concatenate::{new_final, upload};
use super::*;

/// What the server does. Everything before is done by another one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Create,
    /// Creates an upload with all of its bytes.
    CreateWithUpload,
    /// Stores so many bytes, and finishes the upload if they are the last ones.
    Patch(u64, WriteMode),
    /// Finishes an upload that is complete.
    Finish,
    /// The same, where another server has crashed after it had made the object of bytes
    /// that never counted.
    FinishOverDraft,
    /// Makes a final of parts with these lengths.
    Concatenate(&'static [u64]),
    /// Makes a pending one whole.
    Assemble(&'static [u64]),
    Terminate,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) length: u64,
    /// How many bytes are stored before the step.
    pub(super) before: u64,
    pub(super) step: Step,
}

/// An upload whose server may have crashed.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) scene: Scene,
    pub(super) asked: NewUpload,
    pub(super) fault: Fault,
    /// The last offset that was answered.
    pub(super) answered: u64,
    pub(super) ended: Result<(), Error>,
}

impl Step {
    pub(super) const fn creates(self) -> bool {
        matches!(
            self,
            Self::Create | Self::CreateWithUpload | Self::Concatenate(_)
        )
    }
}

impl Scene {
    /// Plays it up to the end of the step. Its call after `calls` others fails.
    pub(super) async fn play(
        self,
        bucket: &Bucket,
        faulty: &Bucket,
        calls: usize,
        fault: Fault,
    ) -> Played {
        let (asked, server) = (self.prepare(bucket, &store(bucket)).await, store(faulty));
        let (id, interrupt) = (&asked.id, Interrupt::default());
        let mut answered = self.before;
        let ended = match self.step {
            Step::Create => {
                faulty.fail(calls, fault);
                server.create(asked.clone()).await.map(drop)
            }
            Step::CreateWithUpload => {
                faulty.fail(calls, fault);
                let created = server.create(asked.clone()).await;
                match created {
                    Ok(mut handle) => patch(&mut *handle, self.length, WriteMode::Streaming)
                        .await
                        .map(|offset| answered = offset),
                    Err(error) => Err(error),
                }
            }
            Step::Patch(len, mode) => {
                let mut handle = server.open(id).await.unwrap();
                faulty.fail(calls, fault);
                let ended = patch(&mut *handle, len, mode).await;
                ended.map(|offset| answered = offset)
            }
            Step::Finish | Step::FinishOverDraft => {
                let mut handle = server.open(id).await.unwrap();
                faulty.fail(calls, fault);
                handle.finish_and_record().await
            }
            Step::Concatenate(_) => {
                faulty.fail(calls, fault);
                let made = server.concatenate(asked.clone(), &interrupt).await;
                made.map(|made| answered = made.info().offset.get())
            }
            Step::Assemble(_) => {
                faulty.fail(calls, fault);
                let made = server.assemble(id, &interrupt).await;
                made.map(|()| answered = self.length)
            }
            Step::Terminate => {
                faulty.fail(calls, fault);
                server.terminate(id).await
            }
        };
        Played {
            scene: self,
            asked,
            fault,
            answered,
            ended,
        }
    }

    /// Does what comes before the step.
    async fn prepare(self, bucket: &Bucket, server: &ObjectStore) -> NewUpload {
        let asked = match self.step {
            Step::Concatenate(lens) => new_final(&upload(server, lens).await, false),
            Step::Assemble(lens) => new_final(&upload(server, lens).await, true),
            _ => new(Some(self.length)),
        };
        if self.step.creates() {
            return asked;
        }
        let mut handle = server.create(asked.clone()).await.unwrap();
        if self.before == 0 {
            return asked;
        }
        match self.step {
            Step::Finish => store_all(&mut *handle, self.before).await,
            Step::FinishOverDraft => {
                leave_draft(bucket, &asked.id, self.length).await;
                store_all(&mut *handle, self.before).await;
            }
            _ => {
                let patched = patch(&mut *handle, self.before, WriteMode::Streaming).await;
                patched.unwrap();
            }
        }
        asked
    }
}

/// Stores bytes without the finish.
async fn store_all(handle: &mut dyn Handle, len: u64) {
    let mut body = Body::from(bytes(0, len));
    let stored = handle.append(Chunk::new(&mut body), WriteMode::Streaming.into());
    assert!(stored.await.error.is_none());
}

/// Crashes after the object was made of other bytes than the upload will have, and before
/// they counted.
async fn leave_draft(bucket: &Bucket, id: &UploadId, length: u64) {
    let server = bucket.again();
    // The upload fits into a part of this server.
    let store = store(&server).part_size(length);
    let mut handle = store.open(id).await.unwrap();
    server.fail(0, Fault::CrashAfter);
    let mut body = Body::from("x".repeat(usize::try_from(length).unwrap()));
    let mode = options(WriteMode::Streaming);
    let held = handle.append(Chunk::new(&mut body), mode).await;
    assert!(held.error.is_none());
    handle.finish_and_record().await.unwrap_err();
    assert_eq!(server.failed().unwrap(), format!("put {id}"));
    assert!(bucket.bytes(id.as_str()).is_some());
}

impl Played {
    pub(super) fn id(&self) -> &UploadId {
        &self.asked.id
    }

    pub(super) fn is_terminated(&self) -> bool {
        matches!(self.scene.step, Step::Terminate)
    }

    /// Whether the upload may not exist.
    pub(super) fn may_be_absent(&self) -> bool {
        match self.scene.step {
            Step::Terminate => true,
            step => step.creates() && self.ended.is_err(),
        }
    }

    /// Whether the call is still to arrive, or may be.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.fault, Fault::Late | Fault::CrashLate)
    }

    /// Whether an upload may have this offset after the step.
    pub(super) fn may_be_at(&self, offset: u64) -> bool {
        let before = self.scene.before;
        match self.scene.step {
            _ if self.ended.is_ok() => offset == self.answered,
            Step::Patch(len, WriteMode::Atomic) => offset == before || offset == before + len,
            Step::Patch(len, _) => (before..=before + len).contains(&offset),
            _ => (before..=self.scene.length).contains(&offset),
        }
    }
}
