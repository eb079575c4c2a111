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

/// Calls the hooks, for decisions and for notifications; those of one upload
/// are delivered in order.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    hooks: Arc<dyn Hooks>,
    kinds: HookKinds,
    shutdown: Shutdown,
    /// Notifications to deliver. A task is running for each upload in the map.
    queues: Arc<Mutex<HashMap<UploadId, VecDeque<Notification>>>>,
    /// The requests that are sending bytes, at most one for each upload.
    receiving: Arc<Mutex<HashMap<UploadId, Origin>>>,
    backlog: Backlog,
    dropped: Tally,
    busy: Tally,
}

/// A notification, and the request to stop if the reply says so.
#[derive(Debug)]
struct Notification {
    event: Event,
    origin: Origin,
    _place: OwnedSemaphorePermit,
}

impl Notifier {
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

    /// Returns whether hooks are called for this kind.
    pub(super) const fn wants(&self, kind: HookKind) -> bool {
        self.kinds.contains(kind)
    }

    /// Calls the hook for a decision, and waits for its reply.
    pub(super) async fn ask(&self, event: &Event) -> Result<Reply, Error> {
        let reply = self.call(event).await;
        reply.map_err(|source| match source.downcast::<Error>() {
            Ok(answer) => *answer,
            Err(source) => failed(event.kind, source),
        })
    }

    /// Logs a reply that cannot be applied, and returns the error for it.
    pub(super) fn failed(kind: HookKind, source: impl Into<BoxError>) -> Error {
        let source = source.into();
        tracing::error!(parent: None, { "type" = kind.as_str(), id = "", error = %source }, "HookInvocationError");
        failed(kind, source)
    }

    /// Calls the hook, and logs the call with tusd's event names. The log
    /// events have no parent span, even if a request waits for the call.
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        if !self.hooks.hears(event.kind) {
            return Ok(Reply::accept());
        }
        let kind = event.kind.as_str();
        // Like in tusd: before its creation, an upload may still get another
        // id.
        let id = match event.kind {
            HookKind::PreCreate => "",
            _ => event.upload.id.as_str(),
        };
        tracing::debug!(parent: None, { "type" = kind, id }, "HookInvocationStart");
        let reply = caught(|| self.hooks.call(event)).await;
        match &reply {
            Ok(_) => tracing::debug!(parent: None, { "type" = kind, id }, "HookInvocationFinish"),
            // Clients can cause any number of these.
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

    /// Queues a notification after the earlier ones of this upload. Does not
    /// wait.
    fn notify(&self, kind: HookKind, upload: Upload, origin: &Origin) {
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
        let notification = Notification {
            event,
            origin: origin.clone(),
            _place: place,
        };
        match self.queues().entry(notification.event.upload.id.clone()) {
            Entry::Occupied(mut queue) => add(queue.get_mut(), notification),
            Entry::Vacant(none) => {
                let id = none.key().clone();
                none.insert(VecDeque::from([notification]));
                tokio::spawn(self.clone().deliver_all(id, self.shutdown.task()));
            }
        }
    }

    /// Reports the offset of an upload, unless it was reported last.
    pub(super) fn notify_progress(&self, upload: Upload, origin: &Origin) {
        if origin.advances(upload.offset) {
            self.notify(HookKind::PostReceive, upload, origin);
        }
    }

    /// Reports what a request did.
    pub(super) fn notify_outcome(&self, outcome: &Outcome, origin: &Origin) {
        let upload = &outcome.upload;
        if outcome.created {
            // It was created without bytes, even if it has some by now.
            let mut upload = upload.clone();
            upload.offset = Offset::ZERO;
            self.notify(HookKind::PostCreate, upload, origin);
        }
        if outcome.received > 0 {
            self.notify_progress(upload.clone(), origin);
        }
        if outcome.finished {
            self.notify(HookKind::PostFinish, upload.clone(), origin);
        }
        if outcome.expired {
            self.notify(HookKind::PostExpire, upload.clone(), origin);
        }
        if outcome.terminated {
            self.notify(HookKind::PostTerminate, upload.clone(), origin);
        }
        for other in &outcome.others {
            self.notify_outcome(other, origin);
        }
    }

    async fn deliver_all(self, id: UploadId, _running: Task) {
        while let Some(Notification {
            event,
            origin,
            _place,
        }) = self.next(&id)
        {
            // A failure has been logged, and cannot undo what happened.
            let called = self.call(&event).instrument(origin.span().clone());
            let Ok(reply) = called.await else {
                continue;
            };
            if may_stop(event.kind) && reply.verdict == Verdict::Stop {
                self.stop(&id, reply.response, &origin).await;
            }
        }
    }

    /// Stops the upload: by the request that is sending its bytes, or by a
    /// removal if there is none.
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
                    self.notify_outcome(&outcome, origin);
                }
            }
            Met::Over(None) => {}
        }
    }

    /// Registers a request that is sending bytes of this upload.
    pub(super) fn receives(&self, id: UploadId, origin: &Origin) {
        lock(&self.receiving).insert(id, origin.clone());
    }

    /// Removes that registration.
    pub(super) fn receives_no_more(&self, id: &UploadId, origin: &Origin) {
        let mut receiving = lock(&self.receiving);
        if receiving.get(id).is_some_and(|it| it.is(origin)) {
            receiving.remove(id);
        }
    }

    /// Takes the next notification, or removes the empty queue.
    fn next(&self, id: &UploadId) -> Option<Notification> {
        let mut queues = self.queues();
        let next = queues.get_mut(id)?.pop_front();
        if next.is_none() {
            queues.remove(id);
        }
        next
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<UploadId, VecDeque<Notification>>> {
        lock(&self.queues)
    }
}

fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under these mutexes cannot leave a map inconsistent.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether a reply to this kind may stop the upload.
const fn may_stop(kind: HookKind) -> bool {
    matches!(kind, HookKind::PostCreate | HookKind::PostReceive)
}

fn failed(kind: HookKind, source: BoxError) -> Error {
    Error::internal(HookFailed { kind, source })
}

/// Queues an event. Only the latest of consecutive progress events is kept.
fn add(queue: &mut VecDeque<Notification>, notification: Notification) {
    let is_progress =
        |notification: &Notification| notification.event.kind == HookKind::PostReceive;
    match queue.back_mut() {
        Some(last) if is_progress(last) && is_progress(&notification) => *last = notification,
        _ => queue.push_back(notification),
    }
}

fn is_busy(error: &BoxError) -> bool {
    matches!(error.downcast_ref(), Some(Error::HooksBusy))
}

/// The logged error of a hook that failed to decide.
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
