use std::future::poll_fn;
use std::task::{Context, Poll};

use headers::{CacheControl, HeaderMapExt};
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::{RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::header::TUS_RESUMABLE;
use crate::protocol::{OriginalRequest, Outcome, Refusal};

/// Middleware that answers GET with `Tus-Resumable` like HEAD.
///
/// See the [module docs](crate::cached_head) for an example.
#[derive(Clone, Copy, Debug)]
pub struct CachedHead<S> {
    inner: S,
}

impl<S> CachedHead<S> {
    /// `inner`, which serves HEAD and may serve GET.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// A request that Version refuses in any case is left to it.
fn was_head<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request.headers().contains_key(&TUS_RESUMABLE)
        && request.extensions().get::<Refusal>().is_none()
}

/// Asks for the headers, and for the rest only where that is finished.
async fn answer<S, ReqBody, ResBody>(
    mut inner: S,
    request: Request<ReqBody>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
{
    let (mut get, body) = request.into_parts();
    OriginalRequest::keep(&mut get);
    let mut head = get.clone();
    head.method = Method::HEAD;
    let head = Request::from_parts(head, RequestBody::new(body));
    let mut response = inner.call(head).await?;
    if is_finished(&response) || is_not_served(&response) {
        poll_fn(|cx| inner.poll_ready(cx)).await?;
        let get = Request::from_parts(get, RequestBody::empty());
        response = prefer(inner.call(get).await?, response);
    }
    // CORE-22
    let no_store = CacheControl::new().with_no_store();
    response.headers_mut().typed_insert(no_store);
    Ok(response)
}

fn is_finished<B>(head: &Response<B>) -> bool {
    let outcome = head.extensions().get::<Outcome>();
    head.status().is_success() && outcome.is_some_and(|outcome| outcome.upload.is_finished())
}

fn is_not_served<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::METHOD_NOT_ALLOWED
}

/// GET's response, with what HEAD did; HEAD's where it alone is served.
fn prefer<B>(mut get: Response<B>, mut head: Response<B>) -> Response<B> {
    if is_not_served(&get) && !is_not_served(&head) {
        return head;
    }
    let Some(did) = head.extensions_mut().remove::<Outcome>() else {
        return get;
    };
    match get.extensions_mut().get_mut::<Outcome>() {
        Some(outcome) => {
            outcome.finished |= did.finished;
            outcome.others.extend(did.others);
        }
        None => drop(get.extensions_mut().insert(did)),
    }
    get
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CachedHead<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: Send + 'static,
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
        if !was_head(&request) {
            let future = self.inner.call(request.map(RequestBody::new));
            return ResponseFuture::new(Answer::Inner { future });
        }
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::new(Answer::awaited(answer(inner, request)))
    }
}
