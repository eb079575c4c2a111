use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body as _;
use tokio::sync::oneshot::error::TryRecvError;
use tower_service::Service;

use super::ResponseFuture;
use super::body::{Returned, Returning};
use super::limits::Limits;
use super::linger::Unread;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::{Body, Error, Shutdown, Task};
use crate::ready::take_ready;

/// Middleware that runs each request to its end.
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
        let rest = rest.map(|rest| (rest, self.limits));
        let answer = run(inner, request, rest, self.shutdown.task());
        ResponseFuture::new(answer, disconnect, self.retry_after)
    }
}

/// Runs the request. If it leaves some of its body unread, that is read here or, after
/// the response, in a task of its own.
async fn run<S>(
    mut inner: S,
    request: Request<Body>,
    rest: Option<(Returned, Limits)>,
    task: Task,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let version = request.version();
    // Called here, so that a panic in it does not reach the host.
    let answer = inner.call(request).await;
    let Some((mut rest, limits)) = rest else {
        return answer;
    };
    match rest.try_recv() {
        Err(TryRecvError::Closed) => answer,
        // Boxed because it is large and rare: otherwise every request would reserve
        // space for it.
        Ok(unread) => Box::pin(answered_early(answer, unread, version, limits, task)).await,
        Err(TryRecvError::Empty) => {
            // Something that outlives the request still holds the body.
            if !is_too_slow(&answer) {
                tokio::spawn(async move {
                    if let Ok(unread) = rest.await {
                        unread.linger(limits, task).await;
                    }
                });
            }
            answer
        }
    }
}

/// Finishes a request that was answered before its body was read.
async fn answered_early<E>(
    mut answer: Result<Response<Body>, E>,
    unread: Unread,
    version: Version,
    limits: Limits,
    mut task: Task,
) -> Result<Response<Body>, E> {
    let too_slow = is_too_slow(&answer);
    let left = match version {
        _ if too_slow => Some(unread),
        Version::HTTP_2 if is_success(&answer) => unread.skip(limits, &mut task).await,
        Version::HTTP_2 => Some(unread),
        _ => unread.skip_small(limits).await,
    };
    let Some(left) = left else {
        return answer;
    };
    if let Ok(response) = &mut answer {
        close_after(response, version);
    }
    if !too_slow {
        tokio::spawn(left.linger(limits, task));
    }
    answer
}

/// Whether the client was too slow, so that it is cut off.
fn is_too_slow<E>(answer: &Result<Response<Body>, E>) -> bool {
    answer
        .as_ref()
        .is_ok_and(|response| matches!(response.extensions().get(), Some(Error::ReadTimeout)))
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
