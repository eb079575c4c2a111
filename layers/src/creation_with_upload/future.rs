use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::protocol::Error;
use crate::protocol::header::announce;
use crate::refusal::Answer;

pin_project! {
    /// The response future of [`CreationWithUpload`](super::CreationWithUpload).
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F>
    where
        F: Future,
    {
        Single { #[pin] answer: Answer<F>, asked: bool },
        Both { future: Pin<Box<dyn Future<Output = F::Output> + Send>> },
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(super) const fn single(future: F, asked: bool) -> Self {
        Self {
            kind: Kind::Single {
                answer: Answer::Inner { future },
                asked,
            },
        }
    }

    pub(super) const fn refused(error: Error) -> Self {
        Self {
            kind: Kind::Single {
                answer: Answer::refused(error),
                asked: false,
            },
        }
    }

    pub(super) fn both(future: impl Future<Output = F::Output> + Send + 'static) -> Self {
        Self {
            kind: Kind::Both {
                future: Box::pin(future),
            },
        }
    }
}

impl<F, E, ResBody> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().kind.project() {
            KindProj::Single { answer, asked } => {
                let mut response = ready!(answer.poll(cx))?;
                if *asked {
                    announce(response.headers_mut(), "creation-with-upload"); // CWU-01
                }
                Poll::Ready(Ok(response))
            }
            KindProj::Both { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F: Future> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
