use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use headers::HeaderMapExt;
use http::Response;
use http::header::RETRY_AFTER;
use tokio::sync::oneshot;

use crate::protocol::header::TusResumable;
use crate::protocol::{Body, Disconnect, Error};

/// The response future of [`Detach`](super::Detach).
#[derive(Debug)]
pub struct ResponseFuture<E> {
    answered: oneshot::Receiver<Result<Response<Body>, E>>,
    waiting: Waiting,
    retry_after: Option<Duration>,
}

impl<E> ResponseFuture<E> {
    pub(super) const fn new(
        answered: oneshot::Receiver<Result<Response<Body>, E>>,
        disconnect: Disconnect,
        retry_after: Option<Duration>,
    ) -> Self {
        Self {
            answered,
            waiting: Waiting(Some(disconnect)),
            retry_after,
        }
    }
}

/// Reports a disconnect if it is dropped while the client waits for the response.
#[derive(Debug)]
struct Waiting(Option<Disconnect>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(disconnect) = &self.0 {
            disconnect.report();
        }
    }
}

impl<E> Future for ResponseFuture<E> {
    type Output = Result<Response<Body>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = ready!(Pin::new(&mut self.answered).poll(cx));
        self.waiting.0 = None;
        match answered {
            Ok(answer) => Poll::Ready(answer),
            Err(gone) => Poll::Ready(Ok(panicked(gone, self.retry_after))),
        }
    }
}

/// Returns the response of a task that has panicked, since it sent none. It sets
/// `Tus-Resumable`, since no layer outside does.
// CORE-06
fn panicked(gone: oneshot::error::RecvError, retry_after: Option<Duration>) -> Response<Body> {
    tracing::error!("a request panicked");
    let mut response = Error::internal(gone).into_response::<Body>();
    response.headers_mut().typed_insert(TusResumable);
    if let Some(after) = retry_after {
        // Rounded up: the header has no fractions of a second.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
