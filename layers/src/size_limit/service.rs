use std::task::{Context as TaskContext, Poll};

use headers::HeaderMapExt;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;
use tower_service::Service;

use super::ResponseFuture;
use super::limit::Limit;
use crate::context::{Context, Place};
use crate::inner::gives_inner;
use crate::protocol::header::{TUS_MAX_SIZE, is_offset_octet_stream};
use crate::protocol::{Body, Error, Length};
use crate::ready::take_ready;

/// Middleware that limits the size of uploads.
///
/// See the [module docs](crate::size_limit) for an example.
#[derive(Clone, Debug)]
pub struct SizeLimit<S> {
    inner: S,
    limit: Limit,
}

gives_inner!(SizeLimit);

impl<S> SizeLimit<S> {
    pub(super) const fn new(inner: S, limit: Limit) -> Self {
        Self { inner, limit }
    }
}

impl<S> Service<Request<Body>> for SizeLimit<S>
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
        let (mut parts, body) = request.into_parts();
        Context::of_mut(&mut parts.extensions).pass(Place::SizeLimit);
        let max = match &self.limit {
            // DELETE adds no bytes.
            _ if parts.method == Method::DELETE => None,
            Limit::Now(limit) => limit(&parts),
            Limit::Later(limit) => {
                let (max, mut inner) = (limit(&parts), take_ready(&mut self.inner));
                return ResponseFuture::awaited(async move {
                    let admitted = max.await.and_then(|max| {
                        let max = lowest(&parts, max);
                        admit(&mut parts, &body, max)?;
                        Ok(max)
                    });
                    let max = match admitted {
                        Ok(max) => max,
                        Err(error) => return Ok(error.into_response()),
                    };
                    let announces = parts.method == Method::OPTIONS;
                    let mut response = inner.call(Request::from_parts(parts, body)).await?;
                    if let Some(max) = max.filter(|_| announces) {
                        response.headers_mut().insert(&TUS_MAX_SIZE, value(max));
                    }
                    Ok(response)
                });
            }
        };
        let max = lowest(&parts, max);
        if let Err(error) = admit(&mut parts, &body, max) {
            return ResponseFuture::refused(error);
        }
        let announced = max.filter(|_| parts.method == Method::OPTIONS);
        let future = ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)));
        match announced {
            Some(max) => future.with_header(TUS_MAX_SIZE.clone(), value(max)), // CORE-13, CORE-14
            None => future,
        }
    }
}

/// The maximum, when a layer outside may have set one too.
fn lowest(parts: &Parts, max: Option<u64>) -> Option<u64> {
    let outside = Context::of(&parts.extensions).max_size();
    outside.into_iter().chain(max).min()
}

// CORE-13
fn value(max: u64) -> HeaderValue {
    Length::saturating(max).get().into()
}

/// Puts the maximum into the context, or refuses a request that exceeds it.
///
/// An invalid length is left to the inner service, and so is a PATCH that does
/// not continue at the upload's offset.
// CRE-13, DEF-04, CORE-25
fn admit(parts: &mut Parts, body: &Body, max: Option<u64>) -> Result<(), Error> {
    let Some(max) = max else {
        return Ok(());
    };
    if named(parts, body) > max {
        return Err(Error::MaxSizeExceeded);
    }
    Context::of_mut(&mut parts.extensions).set_max_size(max);
    Ok(())
}

/// Returns the minimum size of the upload after this request.
fn named(parts: &Parts, body: &Body) -> u64 {
    let length = || {
        let length = parts.headers.typed_get::<Length>();
        length.map_or(0, Length::get)
    };
    match parts.method {
        // A body of another type is not stored; the inner service refuses it.
        Method::POST if is_offset_octet_stream(&parts.headers) => {
            length().max(body.size_hint().lower())
        }
        Method::POST | Method::PATCH => length(),
        _ => 0,
    }
}
