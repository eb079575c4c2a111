use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use headers::HeaderMapExt;
use http::Response;
use http::header::RETRY_AFTER;
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

use crate::protocol::header::TusResumable;
use crate::protocol::{Body, Disconnect, Error};

/// The response future of [`Detach`](super::Detach).
///
/// It runs the request itself. If it is dropped before the response, the request goes
/// on in a task of its own, on the runtime where the service was called.
pub struct ResponseFuture<E>
where
    E: Send + 'static,
{
    /// `None` after the response.
    running: Option<Running<E>>,
    retry_after: Option<Duration>,
}

/// A request that has no response yet.
struct Running<E> {
    answer: Answer<E>,
    disconnect: Disconnect,
    runtime: Handle,
    span: Span,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<E: Send + 'static> ResponseFuture<E> {
    pub(super) fn new(
        answer: impl Future<Output = Result<Response<Body>, E>> + Send + 'static,
        disconnect: Disconnect,
        retry_after: Option<Duration>,
    ) -> Self {
        let running = Running {
            answer: Box::pin(answer),
            disconnect,
            runtime: Handle::current(),
            span: Span::current(),
        };
        Self {
            running: Some(running),
            retry_after,
        }
    }
}

impl<E: Send + 'static> Running<E> {
    /// Runs the request, and catches its panic: the host's connection may serve other
    /// requests.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Result<Response<Body>, E>, Panicked>> {
        let answer = self.answer.as_mut();
        match catch_unwind(AssertUnwindSafe(|| answer.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }

    /// Lets the request go on without its client.
    fn detach(self) {
        self.disconnect.report();
        let answer = async move { drop(self.answer.await) };
        self.runtime.spawn(answer.instrument(self.span));
    }
}

impl<E: Send + 'static> Future for ResponseFuture<E> {
    type Output = Result<Response<Body>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let running = self.running.as_mut().expect("polled after completion");
        let answer = ready!(running.poll(cx));
        self.running = None;
        match answer {
            Ok(answer) => Poll::Ready(answer),
            Err(panicked) => Poll::Ready(Ok(panicked.into_response(self.retry_after))),
        }
    }
}

impl<E: Send + 'static> Drop for ResponseFuture<E> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.detach();
        }
    }
}

impl<E: Send + 'static> fmt::Debug for ResponseFuture<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// A request has panicked. The panic hook has reported why.
#[derive(Debug)]
struct Panicked;

impl Panicked {
    /// Returns the response. It sets `Tus-Resumable`, since no layer outside does.
    // CORE-06
    fn into_response(self, retry_after: Option<Duration>) -> Response<Body> {
        tracing::error!("{self}");
        let mut response = Error::internal(self).into_response::<Body>();
        response.headers_mut().typed_insert(TusResumable);
        if let Some(after) = retry_after {
            // Rounded up: the header has no fractions of a second.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request panicked")
    }
}

impl std::error::Error for Panicked {}
