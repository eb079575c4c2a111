use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use super::backlog::Backlog;
use super::origin::Origin;
use super::stop::Met;
use super::tally::Tally;
use crate::hooks::{Event, HookKind, HookKinds, Hooks, Reply, Verdict, caught};
use crate::protocol::{
    BoxError, Error, Offset, Outcome, ResponseOverride, Shutdown, Task, Upload, UploadId,
};

/// Speaks with the hooks: asks them, and tells them what has happened, of each
/// upload in its order.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    hooks: Arc<dyn Hooks>,
    kinds: HookKinds,
    shutdown: Shutdown,
    /// What is still to be told. While an upload is here, a task is telling of it.
    queues: Arc<Mutex<HashMap<UploadId, VecDeque<News>>>>,
    /// The uploads whose bytes are arriving. Only one request at a time brings
    /// bytes of an upload.
    receiving: Arc<Mutex<HashMap<UploadId, Origin>>>,
    backlog: Backlog,
    dropped: Tally,
    busy: Tally,
}

/// An event, and the request that ends when the reply says so.
#[derive(Debug)]
struct News {
    event: Event,
    origin: Origin,
    _place: OwnedSemaphorePermit,
}

impl Teller {
    pub(super) fn new(hooks: Arc<dyn Hooks>, kinds: HookKinds) -> Self {
        Self {
            hooks,
            kinds,
            shutdown: Shutdown::default(),
            queues: Arc::default(),
            receiving: Arc::default(),
            backlog: Backlog::new(),
            dropped: Tally::default(),
            busy: Tally::default(),
        }
    }

    pub(super) fn kinds(self, kinds: HookKinds) -> Self {
        Self { kinds, ..self }
    }

    pub(super) fn shutdown(self, shutdown: Shutdown) -> Self {
        Self { shutdown, ..self }
    }

    /// Whether anyone wants to hear of that moment.
    pub(super) const fn wants(&self, kind: HookKind) -> bool {
        self.kinds.contains(kind)
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, event: &Event) -> Result<Reply, Error> {
        let reply = self.call(event).await;
        reply.map_err(|source| match source.downcast::<Error>() {
            Ok(answer) => *answer,
            Err(source) => failed(event.kind, source),
        })
    }

    /// The error of a hook whose reply cannot be carried out, which is logged.
    pub(super) fn failed(kind: HookKind, source: impl Into<BoxError>) -> Error {
        let source = source.into();
        tracing::error!(parent: None, { "type" = kind.as_str(), id = "", error = %source }, "HookInvocationError");
        failed(kind, source)
    }

    /// Calls, and has the log tell so in tusd's words: of the hook alone, also where
    /// a request waits for it.
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        if !self.hooks.hears(event.kind) {
            return Ok(Reply::accept());
        }
        let kind = event.kind.as_str();
        // Before its creation an upload may still get another id.
        let id = match event.kind {
            HookKind::PreCreate => "",
            _ => event.upload.id.as_str(),
        };
        tracing::debug!(parent: None, { "type" = kind, id }, "HookInvocationStart");
        let reply = caught(|| self.hooks.call(event)).await;
        match &reply {
            Ok(_) => tracing::debug!(parent: None, { "type" = kind, id }, "HookInvocationFinish"),
            // As many as clients like.
            Err(error) if is_busy(error) => self.busy.count(&self.shutdown, |requests| {
                tracing::warn!(
                    requests,
                    "HooksBusy: answered 503, no hook could be started in time"
                );
            }),
            Err(error) => {
                tracing::error!(parent: None, { "type" = kind, id, %error }, "HookInvocationError");
            }
        }
        reply
    }

    /// Tells, after all that was told of this upload before, and does not wait.
    fn tell(&self, kind: HookKind, upload: Upload, origin: &Origin) {
        if !self.wants(kind) {
            return;
        }
        let event = origin.event(kind, upload);
        let Some(place) = self.backlog.place(&event) else {
            return self.dropped.count(&self.shutdown, |events| {
                tracing::warn!(
                    events,
                    "HookEventsDropped: hooks are slower than their events"
                );
            });
        };
        let news = News {
            event,
            origin: origin.clone(),
            _place: place,
        };
        match self.queues().entry(news.event.upload.id.clone()) {
            Entry::Occupied(mut queue) => add(queue.get_mut(), news),
            Entry::Vacant(none) => {
                let id = none.key().clone();
                none.insert(VecDeque::from([news]));
                tokio::spawn(self.clone().tell_all(id, self.shutdown.task()));
            }
        }
    }

    /// Tells how far an upload has come, unless that was told last.
    pub(super) fn tell_offset(&self, upload: Upload, origin: &Origin) {
        if origin.advances(upload.offset) {
            self.tell(HookKind::PostReceive, upload, origin);
        }
    }

    /// Tells what a request did.
    pub(super) fn tell_outcome(&self, outcome: &Outcome, origin: &Origin) {
        let upload = &outcome.upload;
        if outcome.created {
            // It was created without bytes, also when it has them by now.
            let mut upload = upload.clone();
            upload.offset = Offset::ZERO;
            self.tell(HookKind::PostCreate, upload, origin);
        }
        if outcome.received > 0 {
            self.tell_offset(upload.clone(), origin);
        }
        if outcome.finished {
            self.tell(HookKind::PostFinish, upload.clone(), origin);
        }
        if outcome.terminated {
            self.tell(HookKind::PostTerminate, upload.clone(), origin);
        }
        for other in &outcome.others {
            self.tell_outcome(other, origin);
        }
    }

    async fn tell_all(self, id: UploadId, _running: Task) {
        while let Some(News {
            event,
            origin,
            _place,
        }) = self.next(&id)
        {
            // A failure is in the log, and what happened has happened.
            let called = self.call(&event).instrument(origin.span().clone());
            let Ok(reply) = called.await else {
                continue;
            };
            if may_stop(event.kind) && reply.verdict == Verdict::Stop {
                self.stop(&id, reply.response, &origin).await;
            }
        }
    }

    /// Ends the upload: by the request that brings bytes of it now, or by a
    /// removal when none does.
    async fn stop(&self, id: &UploadId, response: ResponseOverride, origin: &Origin) {
        let running = lock(&self.receiving).get(id).cloned();
        if let Some(running) = running
            && let Met::Running = running.stop().stop(response.clone())
        {
            tracing::info!(%id, "HookStopUpload");
            return;
        }
        match origin.stop().stop(response) {
            Met::Running => tracing::info!(%id, "HookStopUpload"),
            Met::Over(Some(removal)) => {
                tracing::info!(%id, "HookStopUpload");
                if let Some(outcome) = removal(id.clone()).await {
                    self.tell_outcome(&outcome, origin);
                }
            }
            Met::Over(None) => {}
        }
    }

    /// Bytes of this upload arrive in a request that `stop` can end.
    pub(super) fn receives(&self, id: UploadId, origin: &Origin) {
        lock(&self.receiving).insert(id, origin.clone());
    }

    /// That request is over.
    pub(super) fn receives_no_more(&self, id: &UploadId, origin: &Origin) {
        let mut receiving = lock(&self.receiving);
        if receiving.get(id).is_some_and(|it| it.is(origin)) {
            receiving.remove(id);
        }
    }

    /// The next event to tell. With the last one the queue goes.
    fn next(&self, id: &UploadId) -> Option<News> {
        let mut queues = self.queues();
        let next = queues.get_mut(id)?.pop_front();
        if next.is_none() {
            queues.remove(id);
        }
        next
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<UploadId, VecDeque<News>>> {
        lock(&self.queues)
    }
}

fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under the locks can leave a map half changed.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a reply at this moment may stop the upload.
const fn may_stop(kind: HookKind) -> bool {
    matches!(kind, HookKind::PostCreate | HookKind::PostReceive)
}

fn failed(kind: HookKind, source: BoxError) -> Error {
    Error::internal(HookFailed { kind, source })
}

/// Of how far an upload has come only the latest news count.
fn add(queue: &mut VecDeque<News>, news: News) {
    let is_progress = |news: &News| news.event.kind == HookKind::PostReceive;
    match queue.back_mut() {
        Some(last) if is_progress(last) && is_progress(&news) => *last = news,
        _ => queue.push_back(news),
    }
}

fn is_busy(error: &BoxError) -> bool {
    matches!(error.downcast_ref(), Some(Error::HooksBusy))
}

/// What the log reads when a question has no answer.
#[derive(Debug)]
struct HookFailed {
    kind: HookKind,
    source: BoxError,
}

impl fmt::Display for HookFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the hook {} failed: {}", self.kind, self.source)
    }
}

impl std::error::Error for HookFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
