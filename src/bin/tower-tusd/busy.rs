//! Whether a connection has anything to do.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio::time::timeout;

/// Knows how many requests of a connection are still to be answered to the end.
#[derive(Clone, Default)]
pub(crate) struct Busy(watch::Sender<usize>);

impl Busy {
    /// Counts a request until the answer is dropped.
    pub(crate) fn begin(&self) -> Running {
        self.0.send_modify(|running| *running += 1);
        Running(self.clone())
    }

    /// Waits until there has been no request for as long as `limit`. Cancel safe.
    pub(crate) async fn idle(&self, limit: Duration) {
        let mut running = self.0.subscribe();
        loop {
            let busy = *running.borrow_and_update() > 0;
            let change = running.changed();
            if busy {
                let _ = change.await;
            } else if timeout(limit, change).await.is_err() {
                return;
            }
        }
    }
}

/// A request that is counted.
pub(crate) struct Running(Busy);

impl Running {
    /// The body of its answer.
    pub(crate) const fn answering<B>(self, body: B) -> Answering<B> {
        Answering {
            body,
            _running: self,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self(Busy(running)) = self;
        running.send_modify(|running| *running -= 1);
    }
}

pin_project! {
    /// A body whose request is counted until all of it has been sent.
    pub(crate) struct Answering<B> {
        #[pin]
        body: B,
        _running: Running,
    }
}

impl<B: Body> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, advance};

    const LIMIT: Duration = Duration::from_secs(60);
    const HALF: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn the_time_begins_anew_when_the_last_request_has_ended() {
        let busy = Busy::default();
        let begin = Instant::now();
        let requests = async {
            advance(HALF).await;
            let first = busy.begin();
            let second = busy.begin();
            advance(LIMIT * 2).await;
            drop(first);
            advance(LIMIT * 2).await;
            drop(second.answering(()));
        };
        tokio::join!(busy.idle(LIMIT), requests);
        assert_eq!(begin.elapsed(), HALF + LIMIT * 5);
    }
}
