use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use headers::{CacheControl, HeaderMapExt};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use super::budget::{Budget, Share};
use super::layer::Offer;
use super::redirect::redirect;
use super::representation::represent;
use crate::context::{Context, check_rejection};
use crate::inner::gives_inner;
use crate::protocol::header::TUS_RESUMABLE;
use crate::protocol::{Action, Body, Error, Outcome, Target, UploadId};
use crate::store::{Content, Store};

/// Middleware that serves uploads by GET.
///
/// See the [module docs](crate::download) for an example.
#[derive(Clone, Debug)]
pub struct Download<S> {
    inner: S,
    store: Arc<dyn Store>,
    offer: Offer,
    budget: Budget,
}

gives_inner!(Download);

impl<S> Download<S> {
    pub(super) const fn new(inner: S, store: Arc<dyn Store>, offer: Offer, budget: Budget) -> Self {
        Self {
            inner,
            store,
            offer,
            budget,
        }
    }

    /// Returns the upload that the request asks for, if the store can read uploads.
    fn wanted(&self, parts: &Parts) -> Option<UploadId> {
        if parts.method != Method::GET || self.store.reader().is_none() {
            return None;
        }
        match Context::target(parts) {
            Ok(Target::Upload(id)) => Some(id),
            Ok(Target::Collection) | Err(_) => None,
        }
    }
}

/// Opens the upload's content, if it exists and no gate refuses.
async fn open(store: &dyn Store, parts: &Parts, id: &UploadId) -> Result<Box<dyn Content>, Error> {
    check_rejection(&parts.extensions)?;
    let read = store.reader().ok_or(Error::NotImplemented)?;
    let content = read.read(id).await?;
    for gate in Context::of(&parts.extensions).gates() {
        gate.opened(parts, content.upload(), Action::Read).await?;
    }
    Ok(content)
}

async fn answer(
    store: Arc<dyn Store>,
    offer: Offer,
    share: Option<Share>,
    parts: Parts,
    id: UploadId,
) -> Response<Body> {
    let Some(share) = share else {
        return Error::TooManyDownloads.into_response();
    };
    let content = match open(&*store, &parts, &id).await {
        Ok(content) => content,
        Err(error) => return error.into_response(),
    };
    let upload = content.upload().clone();
    if upload.is_failed() {
        return failed();
    }
    // Before a deciding gate has agreed, nothing is served that it may still refuse.
    let only_finished =
        matches!(offer, Offer::Finished) || Context::of(&parts.extensions).decides_completion();
    let mut response = match only_finished && !upload.is_finished() {
        true => Error::IncompleteUpload.into_response(),
        false => give(&parts.headers, content, share).await,
    };
    let headers = response.headers_mut();
    // A cache that has turned HEAD into GET answers HEAD with these.
    upload.describe(|| Context::base_url(&parts), headers);
    if !upload.is_finished() || parts.headers.contains_key(&TUS_RESUMABLE) {
        headers.typed_insert(CacheControl::new().with_no_store());
    }
    response.extensions_mut().insert(Outcome::new(upload));
    response
}

/// Gives the bytes, or says where they are.
async fn give(asked: &HeaderMap, content: Box<dyn Content>, share: Share) -> Response<Body> {
    if !content.upload().is_finished() {
        return represent(asked, content, share);
    }
    match redirect(&*content).await {
        Ok(Some(response)) => response,
        Ok(None) => represent(asked, content, share),
        Err(error) => error.into_response(),
    }
}

/// Builds the response to GET of an upload that has failed permanently. Caches
/// would keep a 410.
fn failed() -> Response<Body> {
    let mut response = Error::UploadFailed.into_response();
    let no_store = CacheControl::new().with_no_store();
    response.headers_mut().typed_insert(no_store);
    response
}

impl<S> Service<Request<Body>> for Download<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let Some(id) = self.wanted(&parts) else {
            return ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)));
        };
        let share = self.budget.open();
        let answer = answer(Arc::clone(&self.store), self.offer, share, parts, id);
        ResponseFuture::awaited(async move { Ok(answer.await) })
    }
}
