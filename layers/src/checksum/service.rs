use std::task::{Context as TaskContext, Poll};

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version};
use tower_service::Service;

use super::body::Verified;
use super::check::Check;
use super::settings::Settings;
use super::{Algorithms, ResponseFuture};
use crate::context::Context;
use crate::inner::gives_inner;
use crate::protocol::header::{TUS_CHECKSUM_ALGORITHM, content_length, is_offset_octet_stream};
use crate::protocol::{Body, Error};
use crate::store::WriteMode;

/// Middleware that verifies the bytes of a request.
///
/// See the [module docs](crate::checksum) for an example.
#[derive(Clone, Debug)]
pub struct Checksum<S> {
    inner: S,
    settings: Settings,
}

gives_inner!(Checksum);

impl<S> Checksum<S> {
    /// Wraps `inner`; clients may use `algorithms`.
    #[must_use]
    pub fn new(inner: S, algorithms: Algorithms) -> Self {
        Self::with(inner, Settings::new(algorithms))
    }

    pub(super) const fn with(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }

    /// Returns the check that the request's bytes must pass, if any.
    fn check(&self, parts: &Parts) -> Result<Option<Check>, Error> {
        if !matches!(parts.method, Method::POST | Method::PATCH) {
            return Ok(None);
        }
        let check = Check::of(&parts.headers, &self.settings)?;
        // The header is valid. The bytes of a creation may come in a derived PATCH.
        let check = check.filter(|_| brings_bytes(parts));
        let awaits_trailers = check.as_ref().is_some_and(Check::awaits_trailers);
        if awaits_trailers && !may_have_trailers(parts) {
            return Err(Error::InvalidChecksum); // CTR-02
        }
        Ok(check)
    }
}

/// Whether this request carries the bytes. A creation does, unless CreationWithUpload
/// stands outside and sends them in a derived PATCH.
fn brings_bytes(parts: &Parts) -> bool {
    match parts.method {
        Method::POST => {
            let derived = Context::of(&parts.extensions).is_derived();
            !derived && is_offset_octet_stream(&parts.headers)
        }
        _ => true,
    }
}

/// Whether trailers may follow the body. Over HTTP/1.1 none follow a body with
/// `Content-Length`. The header decides, not the size hint: a layer that buffers a
/// body knows its length and may still yield trailers.
fn may_have_trailers(parts: &Parts) -> bool {
    parts.version > Version::HTTP_11 || content_length(&parts.headers).is_none()
}

impl<S> Service<Request<Body>> for Checksum<S>
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
        let (mut parts, mut body) = request.into_parts();
        if parts.method == Method::OPTIONS {
            return self.announce(Request::from_parts(parts, body));
        }
        match self.check(&parts) {
            Ok(Some(check)) => {
                // CHK-06, CHK-14
                Context::of_mut(&mut parts.extensions).set_write_mode(WriteMode::Atomic);
                body = body.watched(Verified::new(check));
            }
            Ok(None) => {}
            Err(error) => return ResponseFuture::refused(error),
        }
        ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)))
    }
}

impl<S> Checksum<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    // CHK-01, CHK-10, CTR-01
    fn announce(&mut self, request: Request<Body>) -> ResponseFuture<S::Future> {
        let names = self.settings.algorithms.to_string();
        let names = HeaderValue::try_from(names).expect("names and commas make a value");
        let future = ResponseFuture::inner(self.inner.call(request)).announce("checksum");
        let future = match self.settings.in_trailers().is_empty() {
            true => future,
            false => future.announce("checksum-trailer"),
        };
        future.with_header(TUS_CHECKSUM_ALGORITHM.clone(), names)
    }
}
