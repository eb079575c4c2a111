use std::task::{Context as TaskContext, Poll};

use headers::{CacheControl, HeaderMapExt};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::ResponseFuture;
use crate::context::{Context, Derived, Place};
use crate::inner::gives_inner;
use crate::protocol::header::TUS_RESUMABLE;
use crate::protocol::{Body, Outcome};
use crate::ready::{call_again, take_ready};

/// Middleware that answers GET with `Tus-Resumable` like HEAD.
///
/// See the [module docs](crate::cached_head) for an example.
#[derive(Clone, Copy, Debug)]
pub struct CachedHead<S> {
    inner: S,
}

gives_inner!(CachedHead);

impl<S> CachedHead<S> {
    /// Wraps `inner`, which serves HEAD and may serve GET.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// Whether a cache may have made this GET of a HEAD. A request that is already
/// rejected is left to Version.
fn was_head<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request.headers().contains_key(&TUS_RESUMABLE)
        && Context::of(request.extensions()).rejection().is_none()
}

/// Sends HEAD first, and GET only if the upload is finished or HEAD is not served.
async fn answer<S>(mut inner: S, get: Parts) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let head = Derived::Head(None).of(get.clone());
    let head = Request::from_parts(head, Body::default());
    let mut response = inner.call(head).await?;
    if is_finished(&response) || is_not_served(&response) {
        let get = Request::from_parts(Derived::Get.of(get), Body::default());
        response = prefer(call_again(&mut inner, get).await?, response);
    }
    // CORE-22
    let no_store = CacheControl::new().with_no_store();
    response.headers_mut().typed_insert(no_store);
    Ok(response)
}

fn is_finished<B>(head: &Response<B>) -> bool {
    let outcome = Outcome::of(head.extensions());
    head.status().is_success() && outcome.is_some_and(|outcome| outcome.upload.is_finished())
}

fn is_not_served<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::METHOD_NOT_ALLOWED
}

/// Returns GET's response with the outcome of HEAD added, or HEAD's response if only
/// HEAD is served.
fn prefer(mut get: Response<Body>, mut head: Response<Body>) -> Response<Body> {
    if is_not_served(&get) && !is_not_served(&head) {
        return head;
    }
    let seen = get.extensions_mut().remove::<Outcome>();
    for outcome in [head.extensions_mut().remove(), seen].into_iter().flatten() {
        outcome.record(get.extensions_mut());
    }
    get
}

impl<S> Service<Request<Body>> for CachedHead<S>
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        Context::of_mut(request.extensions_mut()).pass(Place::CachedHead);
        if !was_head(&request) {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let inner = take_ready(&mut self.inner);
        ResponseFuture::awaited(answer(inner, request.into_parts().0))
    }
}
