use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use headers::HeaderMapExt;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::layer::Limit;
use super::{RequestBody, ResponseFuture};
use crate::answer::Answer;
use crate::protocol::header::{UploadLength, UploadOffset, is_offset_octet_stream};
use crate::protocol::{BoxError, Error, MaxSize};

/// Middleware that lets no upload pass the maximum.
///
/// See the [module docs](crate::size_limit) for an example.
#[derive(Clone)]
pub struct SizeLimit<S> {
    inner: S,
    limit: Limit,
}

impl<S> SizeLimit<S> {
    pub(super) const fn new(inner: S, limit: Limit) -> Self {
        Self { inner, limit }
    }
}

/// How many bytes the request may bring, at least `bytes` of which will come.
///
/// A length or an offset that cannot be read is for those inside to refuse. So
/// is a PATCH that does not go on where its upload stands (CORE-25), before its
/// body tells them that there is no room for it.
fn room(parts: &Parts, max: u64, bytes: u64) -> Result<u64, Error> {
    let length = parts.headers.typed_get::<UploadLength>();
    let length = length.map_or(0, UploadLength::bytes);
    let (offset, least) = match parts.method {
        // Bytes of another type are for no upload, and for those inside to refuse.
        Method::POST if is_offset_octet_stream(&parts.headers) => (0, length.max(bytes)),
        Method::POST => (0, length),
        Method::PATCH => {
            let offset = parts.headers.typed_get::<UploadOffset>();
            (offset.map_or(0, UploadOffset::bytes), length)
        }
        _ => return Ok(u64::MAX),
    };
    // CRE-13, DEF-04
    if least > max {
        return Err(Error::MaxSizeExceeded);
    }
    Ok(max.saturating_sub(offset))
}

/// Whether a layer inside may make an upload of others on such a request, whose
/// size no header tells.
const fn may_assemble(method: &Method) -> bool {
    matches!(
        *method,
        Method::POST | Method::PATCH | Method::HEAD | Method::GET
    )
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SizeLimit<S>
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
        let max = (self.limit)(&parts);
        let told = max.filter(|_| parts.method == Method::OPTIONS);
        let answer = match room(&parts, max.unwrap_or(u64::MAX), body.size_hint().lower()) {
            Ok(room) => {
                if let Some(max) = max.filter(|_| may_assemble(&parts.method)) {
                    parts.extensions.insert(MaxSize(max));
                }
                let body = RequestBody::new(body, room, Error::MaxSizeExceeded);
                let future = self.inner.call(Request::from_parts(parts, body));
                Answer::Inner { future }
            }
            Err(error) => Answer::refused(error),
        };
        ResponseFuture::new(answer, told)
    }
}

impl<S: fmt::Debug> fmt::Debug for SizeLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SizeLimit")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
