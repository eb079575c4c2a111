//! The answer to a request over HTTP/1, while its client is watched.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use hyper::ext::ReasonPhrase;
use tower_tus::layers::protocol::Disconnect;

use super::send_queue::{InFlight, QueuedBody, SendQueue};

pin_project_lite::pin_project! {
    /// Waits for the response, and reports if the client goes first.
    ///
    /// By hand, because an async block would hold the futures within it twice.
    pub(super) struct Answer<F, G> {
        #[pin]
        response: F,
        #[pin]
        gone: G,
        // Taken when the client has gone.
        disconnect: Option<Disconnect>,
        queue: SendQueue,
        in_flight: Option<InFlight>,
    }
}

impl<F, G> Answer<F, G> {
    /// Waits for `response`, whose body goes through `queue`, and reports to
    /// `disconnect` if `gone` ends first.
    pub(super) fn new(response: F, gone: G, disconnect: Disconnect, queue: &SendQueue) -> Self {
        Self {
            response,
            gone,
            disconnect: Some(disconnect),
            queue: queue.clone(),
            in_flight: Some(queue.in_flight()),
        }
    }
}

impl<F, G, B, E> Future for Answer<F, G>
where
    F: Future<Output = Result<Response<B>, E>>,
    G: Future<Output = ()>,
{
    type Output = Result<Response<QueuedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(response) = this.response.poll(cx) {
            *this.in_flight = None;
            let queued = |body| this.queue.clone().body(body);
            return Poll::Ready(response.map(|response| with_reason(response).map(queued)));
        }
        if this.disconnect.is_some() && this.gone.poll(cx).is_ready() {
            // It wakes whoever reads the body.
            let disconnect = this.disconnect.take();
            disconnect.inspect(Disconnect::report);
        }
        Poll::Pending
    }
}

/// Adds a reason to the one status of the protocol that HTTP does not know.
fn with_reason<B>(mut response: Response<B>) -> Response<B> {
    if response.status().as_u16() == 460 {
        let reason = ReasonPhrase::from_static(b"Checksum Mismatch");
        response.extensions_mut().insert(reason);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// The response to a request whose client goes when `gone` ends.
    async fn answer(gone: impl Future<Output = ()>) -> Response<QueuedBody<String>> {
        let disconnect = Disconnect::default();
        let response = async {
            tokio::task::yield_now().await;
            let code = disconnect.happened().await.code();
            Ok::<_, Infallible>(Response::new(code.to_owned()))
        };
        let answer = Answer::new(response, gone, disconnect.clone(), &SendQueue::new());
        let answer = timeout(Duration::from_secs(10), answer).await;
        let Ok(response) = answer.unwrap();
        response
    }

    #[tokio::test]
    async fn a_request_learns_that_its_client_has_gone_and_is_answered_still() {
        answer(ready(())).await;
        answer(tokio::task::yield_now()).await;
    }
}
