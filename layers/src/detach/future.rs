use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use headers::HeaderMapExt;
use http::Response;
use tokio::sync::oneshot;

use crate::protocol::header::TusResumable;
use crate::protocol::{Disconnect, Error};

/// The response future of [`Detach`](super::Detach).
#[derive(Debug)]
pub struct ResponseFuture<R, E> {
    answered: oneshot::Receiver<Result<R, E>>,
    waiting: Waiting,
}

impl<R, E> ResponseFuture<R, E> {
    pub(super) const fn new(
        answered: oneshot::Receiver<Result<R, E>>,
        departure: Disconnect,
    ) -> Self {
        Self {
            answered,
            waiting: Waiting(Some(departure)),
        }
    }
}

/// A client that waits for its answer. One that no longer does has gone.
#[derive(Debug)]
struct Waiting(Option<Disconnect>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(departure) = &self.0 {
            departure.report();
        }
    }
}

impl<ResBody: Default, E> Future for ResponseFuture<Response<ResBody>, E> {
    type Output = Result<Response<ResBody>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = ready!(Pin::new(&mut self.answered).poll(cx));
        self.waiting.0 = None;
        match answered {
            Ok(answer) => Poll::Ready(answer),
            Err(gone) => Poll::Ready(Ok(panicked(gone))),
        }
    }
}

/// A task that ends without an answer has panicked. Nobody outside would stamp
/// the response. CORE-06
fn panicked<ResBody: Default>(gone: oneshot::error::RecvError) -> Response<ResBody> {
    tracing::error!("a request panicked");
    let mut response = Error::internal(gone).into_response::<ResBody>();
    response.headers_mut().typed_insert(TusResumable);
    response
}
