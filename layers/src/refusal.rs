//! The future of a layer that calls the inner service or refuses.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use crate::protocol::Error;

pin_project! {
    /// The inner service's answer, or a refusal in its place.
    #[derive(Debug)]
    #[project = AnswerProj]
    pub(crate) enum Answer<F> {
        Inner { #[pin] future: F },
        Refused { error: Option<Error> },
    }
}

impl<F> Answer<F> {
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
            AnswerProj::Refused { error } => {
                let error = error.take().expect("polled after completion");
                Poll::Ready(Ok(error.into_response()))
            }
        }
    }
}
