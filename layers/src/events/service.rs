use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use tower_service::Service;

use super::receiving::Receiving;
use super::{Events, ResponseFuture};
use crate::context::Context;
use crate::inner::gives_inner;
use crate::progress::{Count, watch};
use crate::protocol::Body;

/// Middleware that tells subscribers what happens to uploads.
///
/// See the [module docs](crate::events) for an example.
#[derive(Clone, Debug)]
pub struct EventsService<S> {
    inner: S,
    events: Events,
    progress_interval: Duration,
}

gives_inner!(EventsService);

impl<S> EventsService<S> {
    pub(super) const fn new(inner: S, events: Events, progress_interval: Duration) -> Self {
        Self {
            inner,
            events,
            progress_interval,
        }
    }
}

impl<S> Service<Request<Body>> for EventsService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let events = self.events.clone();
        if Context::of(request.extensions()).is_internal() {
            return ResponseFuture::own(self.inner.call(request), events);
        }
        // Nothing is counted for nobody.
        if !matches!(*request.method(), Method::POST | Method::PATCH) || !events.is_heard() {
            return ResponseFuture::told(self.inner.call(request), events);
        }
        let receiving = Arc::new(Receiving::default());
        let gate = Arc::clone(&receiving);
        Context::of_mut(request.extensions_mut()).add_gate(gate);
        if request.method() == Method::POST {
            return ResponseFuture::told(self.inner.call(request), events);
        }
        let count = Count::default();
        let request = request.map(|body| body.watched(count.clone()));
        let (response, interval) = (self.inner.call(request), self.progress_interval);
        let (hub, bytes) = (events.clone(), Arc::clone(&receiving));
        let watched =
            async move { watch(response, interval, || bytes.tell(&hub, count.bytes())).await };
        ResponseFuture::watched(Box::pin(watched), receiving, events)
    }
}
