//! Gives every request an id, and returns it to the client.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

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
    let id = UploadId::random();
    HeaderValue::from_str(id.as_str()).expect("an upload id is ASCII")
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
