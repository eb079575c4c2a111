use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use headers::HeaderMapExt;
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::protocol::header::{TUS_EXTENSION, TusVersion};

pin_project! {
    /// The response future of [`Discovery`](super::Discovery).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        is_options: bool,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, is_options: bool) -> Self {
        Self { future, is_options }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(cx))?;
        if *this.is_options {
            let headers = response.headers_mut();
            fold_extensions(headers);
            headers.typed_insert(TusVersion); // CORE-32
        }
        Poll::Ready(Ok(response))
    }
}

// CORE-11
fn fold_extensions(headers: &mut HeaderMap) {
    let lines = headers
        .get_all(&TUS_EXTENSION)
        .iter()
        .map(HeaderValue::as_bytes);
    let folded = lines.collect::<Vec<_>>().join(&b","[..]);
    // CORE-12
    if folded.is_empty() {
        return;
    }
    let value = HeaderValue::from_bytes(&folded).expect("values and commas make a value");
    headers.insert(&TUS_EXTENSION, value);
}
