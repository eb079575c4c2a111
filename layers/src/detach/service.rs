use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::oneshot;
use tower_service::Service;
use tracing::{Instrument, Span};

use super::body::Returned;
use super::linger::linger;
use super::{RequestBody, ResponseFuture};
use crate::protocol::{Error, Shutdown, Task};

/// Middleware that runs each request in a task of its own.
///
/// See the [module docs](crate::detach) for an example.
#[derive(Clone, Debug)]
pub struct Detach<S> {
    inner: S,
    shutdown: Shutdown,
}

impl<S> Detach<S> {
    /// `inner`, whose requests `shutdown` waits for.
    pub const fn new(inner: S, shutdown: Shutdown) -> Self {
        Self { inner, shutdown }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Detach<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    ReqBody: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    ReqBody::Error: Send,
    ResBody: Default + Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<Response<ResBody>, S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let (body, rest) = RequestBody::new(body, &parts.headers);
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let answer = async move { inner.call(Request::from_parts(parts, body)).await };
        let (send, answered) = oneshot::channel();
        let request = run(answer, send, rest, self.shutdown.task());
        tokio::spawn(request.instrument(Span::current()));
        ResponseFuture::new(answered)
    }
}

/// Answers, and then reads what the answer left unread.
async fn run<F, B, ResBody, E>(
    answer: F,
    send: oneshot::Sender<F::Output>,
    rest: Returned<B>,
    task: Task,
) where
    F: Future<Output = Result<Response<ResBody>, E>>,
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let answer = answer.await;
    let too_slow = answer
        .as_ref()
        .is_ok_and(|response| matches!(response.extensions().get(), Some(Error::ReadTimeout)));
    // Whoever waited for it may have gone: what was to be done is done.
    drop(send.send(answer));
    if !too_slow {
        linger(rest, task).await;
    }
}
