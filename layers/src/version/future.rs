use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use headers::HeaderMapExt;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;

use crate::future;
use crate::protocol::header::TusResumable;
use crate::protocol::{Body, Error, ResponseOverride};

pin_project! {
    /// The response future of [`Version`](super::Version).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        future: future::ResponseFuture<F>,
        head: bool,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn new(future: future::ResponseFuture<F>, head: bool) -> Self {
        Self { future, head }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(cx))?;
        render(&mut response, *this.head);
        amend(&mut response, *this.head);
        let headers = response.headers_mut();
        headers.typed_insert(TusResumable); // CORE-06
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Poll::Ready(Ok(response))
    }
}

/// Writes the text of a refusal, and tells the log what the client is not told.
fn render(response: &mut Response<Body>, head: bool) {
    let Some(error) = response.extensions().get::<Error>() else {
        return;
    };
    if let Error::Internal(source) | Error::InsufficientStorage(source) = error {
        tracing::error!(error = %source, "InternalServerError");
    }
    if let Error::Busy(source) = error {
        tracing::warn!(error = %source, "ServerBusy");
    }
    if head {
        return;
    }
    *response.body_mut() = Bytes::from(error.text()).into();
    response.headers_mut().insert(CONTENT_TYPE, PLAIN);
}

/// Changes what somebody inside wants changed.
fn amend(response: &mut Response<Body>, head: bool) {
    let Some(amendment) = response.extensions_mut().remove::<ResponseOverride>() else {
        return;
    };
    if let Some(status) = amendment.status {
        *response.status_mut() = status;
        if status.is_success() && response.extensions().get::<Error>().is_some() {
            // The text of a refusal is not that of a success.
            *response.body_mut() = Body::default();
            response.headers_mut().remove(CONTENT_TYPE);
        }
    }
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if bodiless.contains(&response.status()) {
        *response.body_mut() = Body::default();
    } else if let Some(body) = amendment.body {
        if !head {
            *response.body_mut() = body.into();
        }
        response.headers_mut().insert(CONTENT_TYPE, PLAIN);
    }
    let headers = response.headers_mut();
    for name in amendment.headers.keys() {
        headers.remove(name);
    }
    headers.extend(amendment.headers);
}

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
