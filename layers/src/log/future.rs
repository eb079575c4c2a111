use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use tracing::Span;
use tracing::field::display;

use crate::protocol::{Error, Outcome};

pin_project! {
    /// The response future of [`Log`](super::Log).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        span: Span,
        logs: Logs,
    }
}

#[derive(Clone, Copy, Debug)]
enum Logs {
    /// A client's request: its response and what it did.
    Request,
    /// A request of the server itself: what it did.
    Outcome,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, span: Span) -> Self {
        let logs = Logs::Request;
        Self { future, span, logs }
    }

    /// Logs only what a request of the server itself did.
    pub(super) fn internal(future: F) -> Self {
        let (span, logs) = (Span::none(), Logs::Outcome);
        Self { future, span, logs }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        let answer = ready!(this.future.poll(cx));
        match (&answer, *this.logs) {
            (Ok(response), Logs::Request) => answered(response),
            (Ok(response), Logs::Outcome) => did_all(response),
            (Err(_), _) => {}
        }
        Poll::Ready(answer)
    }
}

fn answered<B>(response: &Response<B>) {
    let outcome = response.extensions().get::<Outcome>();
    let error = response.extensions().get::<Error>();
    let id = outcome.map(|outcome| display(&outcome.upload.id));
    match error {
        Some(Error::Interrupted) => tracing::info!(id, "UploadInterrupted"),
        Some(error @ Error::ReadTimeout) => tracing::info!(id, %error, "NetworkTimeoutError"),
        _ => {}
    }
    did_all(response);
    tracing::info!(
        id,
        status = response.status().as_u16(),
        body = error.map(Error::text).as_deref().unwrap_or_default(),
        "ResponseOutgoing"
    );
}

fn did_all<B>(response: &Response<B>) {
    if let Some(outcome) = response.extensions().get::<Outcome>() {
        did(outcome);
        outcome.others.iter().for_each(did);
    }
}

fn did(outcome: &Outcome) {
    let upload = &outcome.upload;
    if outcome.finished {
        let size = upload.length.unwrap_or(upload.offset.into()).get();
        tracing::info!(id = %upload.id, size, "UploadFinished");
    }
    if outcome.terminated {
        tracing::info!(id = %upload.id, "UploadTerminated");
    }
    if outcome.expired {
        tracing::info!(id = %upload.id, "UploadExpired");
    }
}
