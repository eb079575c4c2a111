use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body as _;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tower_service::Service;
use tracing::{Instrument, Span};

use super::ResponseFuture;
use super::body::{Returned, Returning};
use super::limits::Limits;
use super::linger::Unread;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::{Body, Error, Shutdown, Task};
use crate::ready::take_ready;

/// Middleware that runs each request in a task of its own.
///
/// See the [module docs](crate::detach) for an example.
#[derive(Clone, Debug)]
pub struct Detach<S> {
    inner: S,
    shutdown: Shutdown,
    limits: Limits,
    retry_after: Option<Duration>,
}

gives_inner!(Detach);

impl<S> Detach<S> {
    /// Wraps `inner`, with the default limits; `shutdown` waits for its requests.
    pub fn new(inner: S, shutdown: Shutdown) -> Self {
        Self {
            inner,
            shutdown,
            limits: Limits::default(),
            retry_after: None,
        }
    }

    pub(super) fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }
}

impl<S> Service<Request<Body>> for Detach<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let context = Context::of_mut(&mut parts.extensions);
        context.pass(Place::Detach);
        let disconnect = context.disconnect_mut().clone();
        let (body, rest) = match body.is_end_stream() {
            true => (body, None),
            false => {
                let (body, rest) = Returning::new(body, &parts.headers);
                (Body::own(body), Some(rest))
            }
        };
        let request = Request::from_parts(parts, body);
        let inner = take_ready(&mut self.inner);
        let (send, answered) = oneshot::channel();
        let task = run(
            inner,
            request,
            send,
            rest.map(|rest| (rest, self.limits)),
            self.shutdown.task(),
        );
        tokio::spawn(task.instrument(Span::current()));
        ResponseFuture::new(answered, disconnect, self.retry_after)
    }
}

/// Sends the response, and then reads the rest of the body.
async fn run<S>(
    mut inner: S,
    request: Request<Body>,
    send: oneshot::Sender<Result<Response<Body>, S::Error>>,
    rest: Option<(Returned, Limits)>,
    mut task: Task,
) where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let version = request.version();
    // Called in the task, so that a panic in it does not reach the host.
    let mut answer = inner.call(request).await;
    let too_slow = answer
        .as_ref()
        .is_ok_and(|response| matches!(response.extensions().get(), Some(Error::ReadTimeout)));
    let Some((rest, limits)) = rest else {
        drop(send.send(answer));
        return;
    };
    let (mut unread, held) = look(rest);
    if let Some(left) = unread {
        // Boxed because it is large and rare: otherwise every task would reserve
        // space for it.
        unread = match version {
            _ if too_slow => Some(left),
            Version::HTTP_2 if is_success(&answer) => Box::pin(left.skip(limits, &mut task)).await,
            Version::HTTP_2 => Some(left),
            _ => Box::pin(left.skip_small(limits)).await,
        };
        if let (Some(_), Ok(response)) = (&unread, &mut answer) {
            close_after(response, version);
        }
    }
    // The client may have gone, but the work is done.
    drop(send.send(answer));
    if let Some(rest) = held {
        unread = rest.await.ok();
    }
    if let Some(unread) = unread
        && !too_slow
    {
        Box::pin(unread.linger(limits, task)).await;
    }
}

/// Returns the unread body if it came back, or else the receiver on which it still
/// may.
fn look(mut rest: Returned) -> (Option<Unread>, Option<Returned>) {
    match rest.try_recv() {
        Ok(unread) => (Some(unread), None),
        Err(TryRecvError::Empty) => (None, Some(rest)),
        Err(TryRecvError::Closed) => (None, None),
    }
}

/// Whether this is a success. After a refusal clients stop sending. After a success
/// curl goes on, but reads nothing more, not even the HTTP/2 window updates that its
/// body waits for. So a success is sent after the body.
fn is_success<E>(answer: &Result<Response<Body>, E>) -> bool {
    answer.as_ref().is_ok_and(|response| {
        response.status().is_success() && response.extensions().get::<Error>().is_none()
    })
}

/// Closes an HTTP/1 connection after this response: the next request would wait
/// behind the bytes still to come.
fn close_after(response: &mut Response<Body>, version: Version) {
    if version >= Version::HTTP_2 {
        return;
    }
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    // hyper adds `keep-alive` to an HTTP/1.1 response to an HTTP/1.0 client.
    *response.version_mut() = version;
}
