//! The future of a layer that calls the inner service, does more than that, or
//! refuses.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use crate::protocol::Error;

pin_project! {
    /// How a layer answers.
    #[project = AnswerProj]
    pub(crate) enum Answer<F>
    where
        F: Future,
    {
        /// As the inner service does.
        Inner { #[pin] future: F },
        /// After something that has to be awaited.
        Awaited { future: Pin<Box<dyn Future<Output = F::Output> + Send>> },
        /// With an error.
        Refused { error: Option<Error> },
    }
}

impl<F: Future> Answer<F> {
    pub(crate) fn awaited(future: impl Future<Output = F::Output> + Send + 'static) -> Self {
        Self::Awaited {
            future: Box::pin(future),
        }
    }

    pub(crate) const fn refused(error: Error) -> Self {
        Self::Refused { error: Some(error) }
    }
}

impl<F, E, ResBody> Future for Answer<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            AnswerProj::Inner { future } => future.poll(cx),
            AnswerProj::Awaited { future } => future.as_mut().poll(cx),
            AnswerProj::Refused { error } => {
                let error = error.take().expect("polled after completion");
                Poll::Ready(Ok(error.into_response()))
            }
        }
    }
}

impl<F: Future> fmt::Debug for Answer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inner { .. } => "Inner",
            Self::Awaited { .. } => "Awaited",
            Self::Refused { .. } => "Refused",
        })
    }
}

pin_project! {
    /// The response future of a layer that answers as the service inside does,
    /// after something that it awaits, or by a refusal.
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(crate) const fn new(answer: Answer<F>) -> Self {
        Self { answer }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().answer.poll(cx)
    }
}
