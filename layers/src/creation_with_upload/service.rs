use std::future::poll_fn;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::split::{
    append, brings_bytes, brought_others, creation, merge, refusal, removal, verify,
};
use super::{RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::{OriginalRequest, Outcome, UploadId};

/// Middleware that takes the first bytes of an upload with its creation.
///
/// See the [module docs](crate::creation_with_upload) for an example.
#[derive(Clone, Copy, Debug)]
pub struct CreationWithUpload<S> {
    inner: S,
}

impl<S> CreationWithUpload<S> {
    /// `inner`, which is called once for the upload and once for its bytes.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CreationWithUpload<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqBody: http_body::Body + Send + 'static,
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
        let asked = request.method() == Method::OPTIONS;
        ResponseFuture::new(self.answer(request), asked)
    }
}

impl<S> CreationWithUpload<S> {
    fn answer<ReqBody, ResBody>(&mut self, request: Request<ReqBody>) -> Answer<S::Future>
    where
        S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        ReqBody: http_body::Body + Send + 'static,
        ResBody: Send + 'static,
    {
        let (parts, body) = request.into_parts();
        if !brings_bytes(&parts) {
            let request = Request::from_parts(parts, RequestBody::new(body));
            let future = self.inner.call(request);
            return Answer::Inner { future };
        }
        if let Err(error) = verify(&parts, body.size_hint().lower()) {
            return Answer::refused(error);
        }
        // The instance that was polled ready is the one to call.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        Answer::awaited(create_and_append(inner, parts, body))
    }
}

async fn create_and_append<S, ReqBody, ResBody>(
    mut inner: S,
    mut parts: Parts,
    body: ReqBody,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
{
    OriginalRequest::keep(&mut parts);
    let request = Request::from_parts(creation(&parts), RequestBody::empty());
    let created = inner.call(request).await?;
    let Some(id) = created_id(&created) else {
        return Ok(created);
    };
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let removal = removal(&parts, &id);
    let request = Request::from_parts(append(parts, id), RequestBody::new(body));
    let appended = inner.call(request).await?;
    if !brought_others(&appended) {
        return Ok(merge(created, appended));
    }
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let request = Request::from_parts(removal, RequestBody::empty());
    let removed = inner.call(request).await?;
    Ok(refusal(created, appended, &removed))
}

fn created_id<B>(response: &Response<B>) -> Option<UploadId> {
    let outcome = response.extensions().get::<Outcome>()?;
    (response.status() == StatusCode::CREATED).then(|| outcome.upload.id.clone())
}
