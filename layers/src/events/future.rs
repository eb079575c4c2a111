use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::Events;
use super::receiving::Receiving;
use crate::protocol::{Body, Outcome};

pin_project! {
    /// The response future of [`EventsService`](super::EventsService).
    #[derive(Debug)]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        answer: Answer<F>,
        events: Events,
    }
}

pin_project! {
    #[project = AnswerProj]
    enum Answer<F>
    where
        F: Future,
    {
        Told { #[pin] future: F },
        Own { #[pin] future: F },
        Watched { future: Watched<F::Output>, receiving: Arc<Receiving> },
    }
}

type Watched<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<F: Future> ResponseFuture<F> {
    /// Tells what the request did when it has ended.
    pub(super) const fn told(future: F, events: Events) -> Self {
        let answer = Answer::Told { future };
        Self { answer, events }
    }

    /// The same for a request of the server itself, which knows what it has left
    /// unfinished.
    pub(super) const fn own(future: F, events: Events) -> Self {
        let answer = Answer::Own { future };
        Self { answer, events }
    }

    /// The same for a future that tells the progress of `receiving` meanwhile.
    pub(super) const fn watched(
        future: Watched<F::Output>,
        receiving: Arc<Receiving>,
        events: Events,
    ) -> Self {
        let answer = Answer::Watched { future, receiving };
        Self { answer, events }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (response, told, is_own) = match this.answer.project() {
            AnswerProj::Told { future } => (ready!(future.poll(cx)), 0, false),
            AnswerProj::Own { future } => (ready!(future.poll(cx)), 0, true),
            AnswerProj::Watched { future, receiving } => {
                (ready!(future.as_mut().poll(cx)), receiving.told(), false)
            }
        };
        let answer = response.as_ref().ok();
        if let Some(outcome) = answer.and_then(|it| Outcome::of(it.extensions())) {
            this.events.tell_outcome(outcome, told);
            if !is_own {
                this.events.tell_unfinished(outcome);
            }
        }
        Poll::Ready(response)
    }
}

impl<F: Future> fmt::Debug for Answer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Told { .. } => "Told",
            Self::Own { .. } => "Own",
            Self::Watched { .. } => "Watched",
        })
    }
}
