use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use headers::HeaderMapExt;
use http::request::Parts;
use http::{Method, Response};

use super::notifier::Notifier;
use super::origin::Origin;
use super::stop::Removal;
use crate::context::Context;
use crate::gate::Gate;
use crate::hooks::{HookKind, Reply, Verdict};
use crate::protocol::{
    Action, Body, CarryOut, Disconnect, Error, Length, NewUpload, Outcome, Rejection,
    ResponseOverride, Upload, UploadId, is_side_file, write_own_body,
};
use crate::race::first;
use crate::store::WriteMode;

/// A request and its hooks.
#[derive(Debug)]
pub(super) struct Session {
    notifier: Notifier,
    origin: Origin,
    disconnect: Disconnect,
    replies: Mutex<Replies>,
    receiving: Mutex<Option<Receiving>>,
}

/// The upload before this request's bytes, and how they are written.
#[derive(Clone, Debug)]
struct Receiving {
    upload: Upload,
    mode: WriteMode,
}

/// What hooks reply about the response.
#[derive(Debug, Default)]
struct Replies {
    /// The error set by a hook that rejected the request.
    rejection: Option<Rejection>,
    /// Changes to the error by a hook that rejected or stopped the request.
    refusal: ResponseOverride,
    /// Changes to a success. Other errors cannot be turned into one.
    success: ResponseOverride,
    /// Changes to the response to the request that finishes the upload.
    finish: ResponseOverride,
}

impl Session {
    pub(super) fn new(notifier: Notifier, parts: &Parts, base_path: &str) -> Self {
        Self {
            notifier,
            origin: Origin::new(parts, base_path),
            disconnect: Context::of(&parts.extensions).disconnect(),
            replies: Mutex::default(),
            receiving: Mutex::default(),
        }
    }

    /// Returns the request as hooks see it.
    pub(super) fn request(&self) -> &Arc<Parts> {
        self.origin.request()
    }

    /// Calls a deciding hook, and returns its reply, or `refusal` if it
    /// rejects.
    async fn ask(&self, kind: HookKind, upload: Upload, refusal: Error) -> Result<Reply, Error> {
        if !self.notifier.wants(kind) {
            return Ok(Reply::accept());
        }
        let mut reply = self.notifier.ask(&self.origin.event(kind, upload)).await?;
        let response = std::mem::take(&mut reply.response);
        let mut replies = lock(&self.replies);
        match (reply.verdict, kind) {
            (Verdict::Reject, _) => {
                replies.rejection = reply.rejection;
                replies.refusal.merge(response);
                return Err(refusal);
            }
            (_, HookKind::PreFinish) => replies.finish = response,
            _ => replies.success.merge(response),
        }
        drop(replies);
        Ok(reply)
    }

    /// Returns whether a hook that may stop the upload is called for this
    /// request.
    pub(super) fn may_be_stopped(&self) -> bool {
        let kind = match self.request().method {
            Method::HEAD | Method::GET | Method::DELETE => return false,
            _ => [HookKind::PostCreate, HookKind::PostReceive],
        };
        kind.into_iter().any(|kind| self.notifier.wants(kind))
    }

    /// Ends the session. Returns the upload to remove if a hook has stopped the
    /// request; later stops are left to `removal`.
    ///
    /// An upload that was finished before it was stopped is kept.
    pub(super) fn close(
        &self,
        response: &Response<Body>,
        removal: Option<Removal>,
    ) -> Option<UploadId> {
        let extensions = response.extensions();
        let outcome = extensions.get::<Outcome>();
        let is_finished = outcome.is_some_and(|outcome| outcome.finished);
        let is_left = outcome.is_some_and(|outcome| !outcome.finished && !outcome.terminated);
        let stopped = self.origin.stop().close(removal.filter(|_| is_left));
        let receiving = self.receiving();
        if let Some(Receiving { upload, .. }) = &receiving {
            self.notifier.receives_no_more(&upload.id, &self.origin);
        }
        lock(&self.replies).refusal.merge(stopped?);
        if is_finished && !matches!(extensions.get(), Some(Error::Stopped)) {
            return None;
        }
        self.origin.stop().forget();
        receiving.map(|receiving| receiving.upload.id)
    }

    fn receiving(&self) -> Option<Receiving> {
        lock(&self.receiving).clone()
    }

    /// Reports progress: `bytes` of the body have arrived.
    pub(super) fn progress(&self, bytes: u64) {
        match self.receiving() {
            // A chunk that may be rolled back is not reported before it is
            // kept.
            Some(Receiving { mut upload, mode }) if bytes > 0 && mode == WriteMode::Streaming => {
                upload.offset = upload.offset.saturating_add(bytes);
                self.notifier.notify_progress(upload, &self.origin);
            }
            _ => {}
        }
    }

    /// Reports what the request did, and applies the hooks' changes to the
    /// response. A rejection replaces the error of the core, so that all outer
    /// layers see what the client gets.
    pub(super) fn answered(&self, response: &mut Response<Body>, method: &Method, place: CarryOut) {
        if let Some(outcome) = response.extensions().get::<Outcome>() {
            self.notifier.notify_outcome(outcome, &self.origin);
        }
        let replies = std::mem::take(&mut *lock(&self.replies));
        if response.extensions().get::<Error>().is_none() {
            let mut change = replies.success;
            // The answer to the finish comes from the core, and is the later one.
            change.merge(response.extensions_mut().remove().unwrap_or_default());
            return change.settle(response, method, place);
        }
        if let Some(rejection) = replies.rejection {
            rejection.replace(response);
            write_own_body(response, method);
        }
        replies.refusal.settle(response, method, place);
    }
}

#[async_trait]
impl Gate for Session {
    async fn creating(&self, _: &Parts, new: &mut NewUpload) -> Result<(), Error> {
        let mut upload = Upload::new(new.id.clone());
        upload.length = new.length;
        upload.metadata = new.metadata.clone();
        upload.concat = new.concat.clone();
        // A client that has disconnected does not know the id to return to.
        let gone = async { Err(self.disconnect.happened().await) };
        let asked = self.ask(HookKind::PreCreate, upload, Error::Rejected);
        let reply = first(gone, asked).await?;
        if let Some(id) = reply.id {
            new.id = id;
        }
        if let Some(metadata) = reply.metadata {
            new.metadata = metadata;
        }
        let path = reply.storage_path.filter(|path| !path.is_empty());
        for place in [&path, &reply.object.key].into_iter().flatten() {
            if is_side_file(place) {
                let error = ReservedPath(place.clone());
                return Err(Notifier::failed(HookKind::PreCreate, error));
            }
        }
        if path.is_some() {
            new.storage_path = path;
        }
        if !reply.object.is_empty() {
            new.object = reply.object;
        }
        Ok(())
    }

    async fn opened(&self, parts: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        match action {
            Action::Append => {
                let mode = Context::of(&parts.extensions).write_mode();
                let mut upload = upload.clone();
                // The core declares this length before it reads bytes. DEF-03
                upload.length = upload.length.or_else(|| declared_length(parts));
                self.notifier.receives(upload.id.clone(), &self.origin);
                *lock(&self.receiving) = Some(Receiving { upload, mode });
            }
            Action::Terminate => {
                let (kind, refusal) = (HookKind::PreTerminate, Error::TerminationRejected);
                self.ask(kind, upload.clone(), refusal).await?;
            }
            Action::Create | Action::Inspect | Action::Read | Action::Concatenate => {}
        }
        Ok(())
    }

    async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
        let asked = self.ask(HookKind::PreFinish, upload.clone(), Error::Rejected);
        asked.await.map(drop)
    }

    fn answer(&self, _: &Parts, _: &Upload) -> ResponseOverride {
        std::mem::take(&mut lock(&self.replies).finish)
    }

    fn may_announce(&self) -> bool {
        // `post-finish` comes when all bytes are stored.
        use HookKind::{PostCreate, PostReceive, PreCreate, PreFinish};
        let early = [PreCreate, PostCreate, PostReceive, PreFinish];
        early.into_iter().any(|kind| self.notifier.wants(kind))
    }

    fn decides_completion(&self) -> bool {
        self.notifier.wants(HookKind::PreFinish)
    }
}

impl Drop for Session {
    /// Also runs if the request has panicked.
    fn drop(&mut self) {
        if let Some(Receiving { upload, .. }) = self.receiving() {
            self.notifier.receives_no_more(&upload.id, &self.origin);
        }
    }
}

/// The error of a hook that set a path which could belong to another upload.
#[derive(Debug)]
struct ReservedPath(String);

impl fmt::Display for ReservedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the storage path {:?} names no file or ends in .info, .lock, .stop, .chunk, .new or .part, which are reserved",
            self.0
        )
    }
}

impl std::error::Error for ReservedPath {}

/// Returns the length that an append declares.
fn declared_length(parts: &Parts) -> Option<Length> {
    parts.headers.typed_get()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under these mutexes cannot leave their contents inconsistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
