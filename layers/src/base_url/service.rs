use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::request::Parts;
use http::{Request, Response};
use tower_service::Service;

use super::source::Source;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::Error;

/// Middleware that sets the public URL of uploads in the request's context.
///
/// See the [module docs](crate::base_url) for an example.
#[derive(Clone, Debug)]
pub struct BaseUrlService<S> {
    inner: S,
    source: Arc<Source>,
}

gives_inner!(BaseUrlService);

impl<S> BaseUrlService<S> {
    pub(super) const fn new(inner: S, source: Arc<Source>) -> Self {
        Self { inner, source }
    }

    fn tell(&self, parts: &mut Parts) {
        if Context::of(&parts.extensions).has_base_url() {
            return;
        }
        match self.source.base_url(parts) {
            Ok(None) => {}
            Ok(Some(url)) => Context::of_mut(&mut parts.extensions).set_base_url(url),
            Err(why) => {
                tracing::error!("{why}");
                Context::of_mut(&mut parts.extensions).reject(Error::internal(why));
            }
        }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BaseUrlService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> S::Future {
        let (mut parts, body) = request.into_parts();
        Context::of_mut(&mut parts.extensions).pass(Place::BaseUrl);
        self.tell(&mut parts);
        self.inner.call(Request::from_parts(parts, body))
    }
}
