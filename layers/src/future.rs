//! The response future of layers that may refuse, announce or await something.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::protocol::header::TUS_EXTENSION;
use crate::protocol::{Body, Error};

pin_project! {
    /// The response future of a layer. It yields the response of the inner service,
    /// possibly after other work of the layer, or a refusal.
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        // Headers to add to the response to OPTIONS.
        announced: Vec<(HeaderName, HeaderValue)>,
    }
}

pin_project! {
    #[project = AnswerProj]
    enum Answer<F>
    where
        F: Future,
    {
        Inner { #[pin] future: F },
        Awaited { future: Pin<Box<dyn Future<Output = F::Output> + Send>> },
        Refused { error: Option<Error> },
    }
}

impl<F: Future> ResponseFuture<F> {
    /// Returns the response of the inner service.
    pub(crate) const fn inner(future: F) -> Self {
        Self::new(Answer::Inner { future })
    }

    /// Returns the response of a future that the layer awaits.
    pub(crate) fn awaited(future: impl Future<Output = F::Output> + Send + 'static) -> Self {
        let future = Box::pin(future);
        Self::new(Answer::Awaited { future })
    }

    /// Refuses with an error.
    pub(crate) const fn refused(error: Error) -> Self {
        Self::new(Answer::Refused { error: Some(error) })
    }

    const fn new(answer: Answer<F>) -> Self {
        Self {
            answer,
            announced: Vec::new(),
        }
    }

    /// Announces an extension on OPTIONS.
    pub(crate) fn announce(self, extension: &'static str) -> Self {
        self.with_header(TUS_EXTENSION.clone(), HeaderValue::from_static(extension))
    }

    /// Appends a header to the response.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.announced.push((name, value));
        self
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = match this.answer.project() {
            AnswerProj::Inner { future } => ready!(future.poll(cx))?,
            AnswerProj::Awaited { future } => ready!(future.as_mut().poll(cx))?,
            AnswerProj::Refused { error } => error
                .take()
                .expect("polled after completion")
                .into_response(),
        };
        for (name, value) in this.announced.drain(..) {
            response.headers_mut().append(name, value);
        }
        Poll::Ready(Ok(response))
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
