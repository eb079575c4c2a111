//! Gives every request an id, and returns it to the client.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll, ready};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use tower::{Layer, Service};
use tower_tus::layers::context::Context;
use tower_tus::layers::protocol::UploadId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Layer that answers with the `X-Request-ID` of the request, and makes one where
/// the client sent none.
///
/// The log shows the id. Hooks see only an id that the client sent, which is why
/// tower-http's `SetRequestId` is not used: it adds the id to the request's headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestIdLayer;

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;

    fn layer(&self, inner: S) -> RequestIdService<S> {
        RequestIdService { inner }
    }
}

/// A service whose requests have ids.
#[derive(Clone, Debug)]
pub(crate) struct RequestIdService<S> {
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestIdService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let id = Context::request_id(&request).cloned().unwrap_or_else(|| {
            let id = fresh();
            Context::of_mut(request.extensions_mut()).set_request_id(id.clone());
            id
        });
        let future = self.inner.call(request);
        ResponseFuture { future, id }
    }
}

/// An id that no other request has: 32 hexadecimal digits.
fn fresh() -> HeaderValue {
    // One random number for each process, as random numbers are system calls. An id
    // need not be hard to guess, because it opens nothing.
    static FIRST: LazyLock<u128> = LazyLock::new(|| {
        let random = UploadId::random();
        u128::from_str_radix(random.as_str(), 16).expect("a random id is hexadecimal")
    });
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let id = FIRST.wrapping_add(number.into());
    // With an owner, because the value is cloned, and other bytes are allocated again then.
    let digits = Bytes::from_owner(hexadecimal(id));
    HeaderValue::from_maybe_shared(digits).expect("digits are ASCII")
}

/// All digits, without the machinery of `format!`, which costs more than the rest of an id.
fn hexadecimal(id: u128) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = id.to_be_bytes();
    std::array::from_fn(|place| {
        let byte = bytes[place / 2];
        let digit = if place % 2 == 0 {
            byte >> 4
        } else {
            byte & 0xf
        };
        DIGITS[usize::from(digit)]
    })
}

pin_project_lite::pin_project! {
    /// The response future of [`RequestIdService`].
    #[derive(Debug)]
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        future: F,
        id: HeaderValue,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.future.poll(cx));
        if let Ok(response) = &mut answer {
            // A hook may have set one.
            let headers = response.headers_mut();
            headers
                .entry(X_REQUEST_ID)
                .or_insert_with(|| this.id.clone());
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_requests_have_the_same_id() {
        let ids: Vec<_> = (0..1000).map(|_| fresh()).collect();
        let mut different = std::collections::HashSet::new();
        for id in &ids {
            let id = id.to_str().unwrap();
            assert_eq!(id.len(), 32, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert!(different.insert(id), "{id} twice");
        }
    }

    #[test]
    fn an_id_has_all_of_its_digits() {
        for id in [0, 1, 0xab, u128::MAX, 0x0123_4567_89ab_cdef << 60] {
            assert_eq!(&hexadecimal(id), format!("{id:032x}").as_bytes());
        }
    }
}
