use std::task::{Context, Poll};

use headers::HeaderMapExt;
use http::{Method, Request, Response};
use tower_service::Service;

use super::ResponseFuture;
use crate::answer::Answer;
use crate::protocol::header::{TusResumable, is_plain_or_chunked};
use crate::protocol::{Error, Refusal, Strictness};

/// Middleware that checks and stamps `Tus-Resumable`.
///
/// See the [module docs](crate::version) for an example.
#[derive(Clone, Copy, Debug)]
pub struct Version<S> {
    inner: S,
    strictness: Strictness,
}

impl<S> Version<S> {
    /// `inner` behind the version check.
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            strictness: Strictness::Strict,
        }
    }

    pub(super) fn strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// CORE-08, CORE-34
    fn verify<B>(&self, request: &Request<B>) -> Result<(), Error> {
        if !is_plain_or_chunked(request.headers()) {
            return Err(Error::UnsupportedTransferEncoding);
        }
        if let Some(Refusal(error)) = request.extensions().get() {
            return Err(error.clone());
        }
        if matches!(*request.method(), Method::OPTIONS | Method::GET) {
            return Ok(());
        }
        if request.headers().typed_get::<TusResumable>().is_some() {
            return Ok(());
        }
        let forgiven = request.method() == Method::HEAD
            && self
                .strictness
                .forgives("HEAD without Tus-Resumable: 1.0.0");
        forgiven.then_some(()).ok_or(Error::UnsupportedVersion)
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Version<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
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
        let answer = match self.verify(&request) {
            Ok(()) => Answer::Inner {
                future: self.inner.call(request),
            },
            // CORE-10: nothing inside sees it.
            Err(error) => Answer::refused(error),
        };
        ResponseFuture::new(answer)
    }
}
