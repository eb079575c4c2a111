use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tower_service::Service;

use super::body::Count;
use super::late::{Lock, removal, remove};
use super::session::Session;
use super::teller::Teller;
use super::{RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::gate::Gates;
use crate::hooks::HookKind;
use crate::poll::first;
use crate::protocol::{Error, Outcome};

/// Middleware that asks hooks, and tells them.
///
/// See the [module docs](crate::hooks) for an example.
#[derive(Clone, Debug)]
pub struct HooksService<S> {
    inner: S,
    teller: Teller,
    progress_interval: Duration,
    base_path: Arc<str>,
    lock: Option<Lock>,
}

impl<S> HooksService<S> {
    pub(super) const fn new(
        inner: S,
        teller: Teller,
        progress_interval: Duration,
        base_path: Arc<str>,
        lock: Option<Lock>,
    ) -> Self {
        Self {
            inner,
            teller,
            progress_interval,
            base_path,
            lock,
        }
    }

    /// How often to tell how far the upload has come while bytes arrive.
    fn progress(&self, parts: &Parts) -> Option<Duration> {
        let tells = parts.method == Method::PATCH && self.teller.wants(HookKind::PostReceive);
        // The clock knows no interval of nothing.
        tells.then(|| self.progress_interval.max(Duration::from_millis(1)))
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for HooksService<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: http_body::Body<Data = Bytes> + Send + 'static,
    ResBody: Default + Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let count = Count::default();
        let body = RequestBody::new(body, count.clone());
        if parts.method == Method::OPTIONS {
            let future = self.inner.call(Request::from_parts(parts, body));
            return ResponseFuture::new(Answer::Inner { future });
        }
        let session = Arc::new(Session::new(self.teller.clone(), &parts, &self.base_path));
        let gate = Arc::clone(&session);
        Gates::add(&mut parts.extensions, gate);
        let progress = self.progress(&parts);
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let lock = self.lock.clone();
        ResponseFuture::new(Answer::awaited(async move {
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
                response = stopped(&response, &removed);
            }
            session.answered(&mut response);
            Ok(response)
        }))
    }
}

/// Calls `tick` at each interval until the future ends.
async fn watch<F: Future>(future: F, interval: Duration, tick: impl Fn()) -> F::Output {
    let mut future = pin!(future);
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ended = async { Some(future.as_mut().await) };
        let ticked = async {
            ticks.tick().await;
            None
        };
        if let Some(output) = first(ended, ticked).await {
            return output;
        }
        tick();
    }
}

/// The answer to a request whose upload was stopped.
fn stopped<B: Default>(response: &Response<B>, removed: &Response<B>) -> Response<B> {
    let mut answer = Error::Stopped.into_response();
    if let Some(outcome) = response.extensions().get::<Outcome>() {
        let mut outcome = outcome.clone();
        if let Some(removed) = removed.extensions().get::<Outcome>() {
            outcome.terminated = removed.terminated;
            // Finals that waited for it.
            outcome.others.extend(removed.others.iter().cloned());
        }
        answer.extensions_mut().insert(outcome);
    }
    answer
}
