use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::late::{Lock, removal, remove};
use super::notifier::Notifier;
use super::session::Session;
use super::{HookKind, ResponseFuture};
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::progress::{Count, watch};
use crate::protocol::{Body, Error, Outcome};
use crate::ready::take_ready;

/// Middleware that calls hooks for each request.
///
/// See the [module docs](crate::hooks) for an example.
#[derive(Clone, Debug)]
pub struct HooksService<S> {
    inner: S,
    notifier: Notifier,
    progress_interval: Duration,
    base_path: Arc<str>,
    lock: Option<Lock>,
}

gives_inner!(HooksService);

impl<S> HooksService<S> {
    pub(super) const fn new(
        inner: S,
        notifier: Notifier,
        progress_interval: Duration,
        base_path: Arc<str>,
        lock: Option<Lock>,
    ) -> Self {
        Self {
            inner,
            notifier,
            progress_interval,
            base_path,
            lock,
        }
    }

    /// Returns how often to report progress while the body arrives, if at all.
    fn progress(&self, parts: &Parts) -> Option<Duration> {
        let tells = parts.method == Method::PATCH && self.notifier.wants(HookKind::PostReceive);
        tells.then_some(self.progress_interval)
    }
}

impl<S> Service<Request<Body>> for HooksService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() == Method::OPTIONS {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let (mut parts, mut body) = request.into_parts();
        let session = Arc::new(Session::new(self.notifier.clone(), &parts, &self.base_path));
        let gate = Arc::clone(&session);
        let context = Context::of_mut(&mut parts.extensions);
        context.pass(Place::Hooks);
        context.add_gate(gate);
        let (method, place) = (parts.method.clone(), context.claim_overrides());
        let progress = self.progress(&parts);
        let count = Count::default();
        if progress.is_some() {
            body = body.watched(count.clone());
        }
        let (mut inner, lock) = (take_ready(&mut self.inner), self.lock.clone());
        ResponseFuture::awaited(async move {
            let response = inner.call(Request::from_parts(parts, body));
            let mut response = match progress {
                Some(interval) => {
                    watch(response, interval, || session.progress(count.bytes())).await?
                }
                None => response.await?,
            };
            let later = session
                .may_be_stopped()
                .then(|| removal(inner.clone(), lock, Arc::clone(session.request())));
            if let Some(id) = session.close(&response, later) {
                let removed = remove(&mut inner, session.request(), &id).await?;
                response = stopped(response, removed);
            }
            session.answered(&mut response, &method, place);
            Ok(response)
        })
    }
}

/// Builds the response to a request whose upload was stopped.
fn stopped(mut response: Response<Body>, mut removed: Response<Body>) -> Response<Body> {
    let mut answer = Error::Stopped.into_response();
    for stage in [&mut response, &mut removed] {
        if let Some(outcome) = stage.extensions_mut().remove::<Outcome>() {
            outcome.record(answer.extensions_mut());
        }
    }
    answer
}
