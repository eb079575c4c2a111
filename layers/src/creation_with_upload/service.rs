use std::task::{Context as TaskContext, Poll};

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use tower_service::Service;

use super::ResponseFuture;
use super::split::{brings_bytes, brought_others, merge, refusal, verify};
use crate::context::{Context, Derived, HandOver, Place, Rollback};
use crate::inner::gives_inner;
use crate::protocol::{Body, Error, Outcome, ResponseOverride, UploadId};
use crate::ready::{call_again, take_ready};

/// Middleware that accepts the first bytes of an upload with its creation.
///
/// See the [module docs](crate::creation_with_upload) for an example.
#[derive(Clone, Copy, Debug)]
pub struct CreationWithUpload<S> {
    inner: S,
}

gives_inner!(CreationWithUpload);

impl<S> CreationWithUpload<S> {
    /// Wraps `inner`, which is called once to create the upload and once to append
    /// its bytes.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S> Service<Request<Body>> for CreationWithUpload<S>
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() == Method::OPTIONS {
            // CWU-01, CWU-02: the core announces `creation` itself.
            return ResponseFuture::inner(self.inner.call(request))
                .announce("creation-with-upload");
        }
        let (mut parts, body) = request.into_parts();
        Context::of_mut(&mut parts.extensions).pass(Place::CreationWithUpload);
        if !brings_bytes(&parts) {
            return ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)));
        }
        if let Err(error) = verify(&parts, body.size_hint().lower()) {
            return ResponseFuture::refused(error);
        }
        let inner = take_ready(&mut self.inner);
        // Overrides apply to the merged response rather than to either of the two.
        let place = Context::of_mut(&mut parts.extensions).claim_overrides();
        ResponseFuture::awaited(async move {
            let mut response = create_and_append(inner, parts, body).await?;
            if let Some(change) = response.extensions_mut().remove::<ResponseOverride>() {
                change.settle(&mut response, &Method::POST, place);
            }
            Ok(response)
        })
    }
}

async fn create_and_append<S>(
    mut inner: S,
    mut parts: Parts,
    body: Body,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    Derived::prepare(&mut parts);
    let place = HandOver::default();
    let creation = Derived::Creation(place.clone()).of(parts.clone());
    let created = inner
        .call(Request::from_parts(creation, Body::default()))
        .await?;
    if created.status() != StatusCode::CREATED {
        return Ok(created);
    }
    let Some(id) = created_id(&created) else {
        return Ok(without_outcome());
    };
    let append = Derived::FirstChunk(id.clone(), place).of(parts.clone());
    let appended = call_again(&mut inner, Request::from_parts(append, body)).await?;
    if !brought_others(&appended) {
        return Ok(merge(created, appended));
    }
    let removal = Derived::Rollback(id, Rollback::Always).of(parts);
    let removal = Request::from_parts(removal, Body::default());
    let removed = call_again(&mut inner, removal).await?;
    Ok(refusal(created, appended, &removed))
}

fn created_id(response: &Response<Body>) -> Option<UploadId> {
    Outcome::of(response.extensions()).map(|outcome| outcome.upload.id.clone())
}

/// Fails the request: without the id of the upload its bytes would be lost, and the
/// client would still see a success.
fn without_outcome() -> Response<Body> {
    let error = "CreationWithUpload: the inner service answered a creation without an \
                 Outcome in the response extensions; put the layer around Core, or have \
                 your service insert an Outcome";
    Error::internal(error).into_response()
}
