use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body;
use tower_service::Service;

use super::check::Check;
use super::future::Told;
use super::settings::Settings;
use super::{Algorithms, RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::header::content_length;
use crate::protocol::{BoxError, Error};
use crate::store::WriteMode;

/// Middleware that verifies the bytes of a request.
///
/// See the [module docs](crate::checksum) for an example.
#[derive(Clone, Debug)]
pub struct Checksum<S> {
    inner: S,
    settings: Settings,
}

impl<S> Checksum<S> {
    /// `inner`, whose clients may use `algorithms`.
    #[must_use]
    pub fn new(inner: S, algorithms: Algorithms) -> Self {
        Self::with(inner, Settings::new(algorithms))
    }

    pub(super) const fn with(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }

    /// The check that the request's bytes have to pass, if any.
    fn check(&self, parts: &Parts) -> Result<Option<Check>, Error> {
        if !matches!(parts.method, Method::POST | Method::PATCH) {
            return Ok(None);
        }
        let check = Check::of(&parts.headers, &self.settings)?;
        // What a creation says is sound. Its bytes come in a PATCH of their own.
        let check = check.filter(|_| parts.method == Method::PATCH);
        let awaits_trailers = check.as_ref().is_some_and(Check::awaits_trailers);
        if awaits_trailers && !may_have_trailers(parts) {
            return Err(Error::InvalidChecksum); // CTR-02
        }
        Ok(check)
    }

    /// What OPTIONS tells. CHK-01, CTR-01
    fn told(&self) -> Told {
        let names = self.settings.algorithms.to_string();
        Told {
            algorithms: HeaderValue::try_from(names).expect("names and commas make a value"),
            extensions: match self.settings.in_trailers().is_empty() {
                true => &["checksum"],
                false => &["checksum", "checksum-trailer"],
            },
        }
    }
}

/// In HTTP/1.1 no trailers follow a body with `Content-Length`. The header decides,
/// not the size hint: a layer that buffers a body knows its length and may still
/// yield trailers.
fn may_have_trailers(parts: &Parts) -> bool {
    parts.version > Version::HTTP_11 || content_length(&parts.headers).is_none()
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Checksum<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: Body<Data = Bytes>,
    ReqBody::Error: Into<BoxError>,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let told = (parts.method == Method::OPTIONS).then(|| self.told());
        let check = match self.check(&parts) {
            Ok(check) => check,
            Err(error) => return ResponseFuture::new(Answer::refused(error), told),
        };
        if check.is_some() {
            parts.extensions.insert(WriteMode::Atomic); // CHK-06, CHK-14
        }
        let body = RequestBody::new(body, check);
        let future = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::new(Answer::Inner { future }, told)
    }
}
