use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tower_service::Service;
use tracing::{Instrument, Span};

use super::body::Returned;
use super::{RequestBody, ResponseFuture};
use crate::protocol::{Disconnect, Error, Shutdown, Task};

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
        let (mut parts, body) = request.into_parts();
        let departure = parts.extensions.get_or_insert_default::<Disconnect>();
        let departure = departure.clone();
        let (body, rest) = RequestBody::new(body, &parts.headers);
        let request = Request::from_parts(parts, body);
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let (send, answered) = oneshot::channel();
        let task = run(inner, request, send, rest, self.shutdown.task());
        tokio::spawn(task.instrument(Span::current()));
        ResponseFuture::new(answered, departure)
    }
}

/// Answers, and then reads what the answer left unread.
async fn run<S, ReqBody, ResBody>(
    mut inner: S,
    request: Request<RequestBody<ReqBody>>,
    send: oneshot::Sender<Result<Response<ResBody>, S::Error>>,
    mut rest: Returned<ReqBody>,
    mut task: Task,
) where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: http_body::Body<Data = Bytes> + Send + Unpin,
{
    let version = request.version();
    // Here and not before: a panic in it is one of the task.
    let mut answer = inner.call(request).await;
    let too_slow = answer
        .as_ref()
        .is_ok_and(|response| matches!(response.extensions().get(), Some(Error::ReadTimeout)));
    let returned = rest.try_recv();
    let held = matches!(returned, Err(TryRecvError::Empty));
    let mut unread = returned.ok();
    if let Some(left) = unread {
        // Boxed, because it is large and rare: every request would make room for it.
        unread = match version {
            _ if too_slow => Some(left),
            Version::HTTP_2 if is_success(&answer) => Box::pin(left.skip(&mut task)).await,
            Version::HTTP_2 => Some(left),
            _ => Box::pin(left.skip_small()).await,
        };
        if let (Some(_), Ok(response)) = (&unread, &mut answer) {
            close_after(response, version);
        }
    }
    // Whoever waited for it may have gone: what was to be done is done.
    drop(send.send(answer));
    if held {
        unread = rest.await.ok();
    }
    if let Some(unread) = unread
        && !too_slow
    {
        Box::pin(unread.linger(task)).await;
    }
}

/// Whether this is what the client asked for. After a refusal it stops to send;
/// after a success curl goes on, and reads no more, not even the window updates
/// of HTTP/2 that its body waits for. So a success comes after the body.
fn is_success<B, E>(answer: &Result<Response<B>, E>) -> bool {
    answer.as_ref().is_ok_and(|response| {
        response.status().is_success() && response.extensions().get::<Error>().is_none()
    })
}

/// Ends the connection of HTTP/1 with this response: the next request would wait
/// behind the bytes that are still to come.
fn close_after<B>(response: &mut Response<B>, version: Version) {
    if version >= Version::HTTP_2 {
        return;
    }
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    // hyper adds `keep-alive` to a response of 1.1 for a client of 1.0.
    *response.version_mut() = version;
}
