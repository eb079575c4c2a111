use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use tower_service::Service;

use super::back_off::BackOff;
use super::complaints::Complaints;
use super::crew::to_its_end;
use super::{Shown, UploadState};
use crate::events::{Events, Subscription};
#[cfg(feature = "expiration")]
use crate::expiration::Expiration;
use crate::lock::Locker;
use crate::protocol::{BaseUrl, Body, Clock, Error, Shutdown, Upload, UploadId};
use crate::ready::call_again;
use crate::store::{ListRequest, Page, Store};

/// The handle on all uploads of a stack. A clone is the same.
///
/// No method drops a call of the store: what has begun goes on in a task of its own if
/// its future is dropped, and the [shutdown](Self::shutdown) waits for it. The methods
/// need a tokio runtime.
///
/// See the [module docs](crate::uploads) for an example.
#[derive(Clone)]
pub struct Uploads {
    pub(super) service: Inside,
    pub(super) store: Arc<dyn Store>,
    pub(super) locker: Arc<dyn Locker>,
    pub(super) lock_timeout: Duration,
    pub(super) base_url: BaseUrl,
    pub(super) events: Events,
    pub(super) clock: Clock,
    pub(super) shutdown: Shutdown,
    pub(super) finish_attempts: u32,
    #[cfg(feature = "expiration")]
    pub(super) expiration: Option<Expiration>,
    pub(super) back_off: BackOff,
    pub(super) complaints: Complaints,
}

/// The rest of the stack inside the lock, without its type.
pub(super) type Inside = Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Uploads {
    /// Creates a handle on the uploads of a stack.
    ///
    /// `service` is the rest of the stack inside the [lock](crate::lock), and `store`,
    /// `locker` and `lock_timeout` are those of the stack.
    pub fn new<S>(
        service: S,
        store: Arc<dyn Store>,
        locker: Arc<dyn Locker>,
        lock_timeout: Duration,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let service = move |request| {
            let mut service = service.clone();
            let answer = async move {
                let Ok(response) = call_again(&mut service, request).await;
                response
            };
            Box::pin(answer) as Answer
        };
        Self {
            service: Arc::new(service),
            store,
            locker,
            lock_timeout,
            base_url: BaseUrl::new("/"),
            events: Events::default(),
            clock: Clock::default(),
            shutdown: Shutdown::default(),
            finish_attempts: 10,
            #[cfg(feature = "expiration")]
            expiration: None,
            back_off: BackOff::default(),
            complaints: Complaints::default(),
        }
    }

    /// Sets the path below which uploads live. Hooks see it in the requests that the
    /// server makes itself.
    #[must_use]
    pub fn base_path(mut self, path: &str) -> Self {
        self.base_url = BaseUrl::new(path);
        self
    }

    /// Sets the events that an [`EventsLayer`](crate::events::EventsLayer) inside the
    /// service tells. Without it, [`events`](Self::events) tells nothing, and
    /// [`run`](Self::run) finds what requests leave unfinished in its next pass.
    #[must_use]
    pub fn with_events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Sets the clock that spaces the attempts to finish an upload; the system's by
    /// default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the shutdown that ends [`run`](Self::run), and waits for what has begun.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Sets the number of refusals after which an upload is rejected for good, as
    /// [in the core](crate::service::Core::finish_attempts): 10 by default, 0 means
    /// unlimited. [`finish_pending`](Self::finish_pending) leaves such uploads alone.
    #[must_use]
    pub fn finish_attempts(mut self, attempts: u32) -> Self {
        self.finish_attempts = attempts;
        self
    }

    /// Returns a page of the list of uploads.
    ///
    /// Cancel safe, and nothing is changed or locked.
    ///
    /// # Errors
    ///
    /// [`Error::NotImplemented`] if the store cannot list, and its own errors.
    pub async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        let lister = self.store.lister().ok_or(Error::NotImplemented)?;
        lister.list(request).await
    }

    /// Returns one upload. Interrupts nobody, and waits for nobody.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it does not exist or its bytes are missing, and other
    /// errors of the store and the locker.
    pub async fn show(&self, id: &UploadId) -> Result<Shown, Error> {
        let (this, id) = (self.clone(), id.clone());
        to_its_end(&self.shutdown, async move {
            let upload = this.store.open(&id).await?.info().clone();
            let is_held = this.locker.is_held(&id).await?;
            Ok(Shown {
                is_held,
                expires: this.expires(&upload),
                state: this.state_now(&upload).await?,
                upload,
            })
        })
        .await
    }

    /// Returns what an upload of a [list](Self::list) is waiting for.
    #[must_use]
    pub fn state(&self, upload: &Upload) -> UploadState {
        match self.expires(upload) {
            Some(at) if self.has_passed(at) => UploadState::Expired,
            _ => UploadState::of(upload),
        }
    }

    /// Returns when an upload expires; `None` if never. One that another upload needs
    /// stays longer.
    #[must_use]
    pub fn expires(&self, upload: &Upload) -> Option<SystemTime> {
        #[cfg(feature = "expiration")]
        return self.expiration.as_ref()?.expires(upload);
        #[cfg(not(feature = "expiration"))]
        {
            let _ = upload;
            None
        }
    }

    /// Whether a time at which uploads expire has passed.
    fn has_passed(&self, at: SystemTime) -> bool {
        #[cfg(feature = "expiration")]
        return self.expiration.as_ref().is_some_and(|it| at <= it.now());
        #[cfg(not(feature = "expiration"))]
        return at <= self.clock.now();
    }

    /// Like [`state`](Self::state), but an upload that another one needs has not
    /// expired.
    async fn state_now(&self, upload: &Upload) -> Result<UploadState, Error> {
        #[cfg(feature = "expiration")]
        if let Some(expiration) = &self.expiration
            && expiration.has_expired(&*self.store, upload).await?
        {
            return Ok(UploadState::Expired);
        }
        Ok(UploadState::of(upload))
    }

    /// Subscribes to what happens to uploads from now on.
    #[must_use]
    pub fn events(&self) -> Subscription {
        self.events.subscribe()
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads")
            .field("store", &self.store)
            .field("locker", &self.locker)
            .finish_non_exhaustive()
    }
}
