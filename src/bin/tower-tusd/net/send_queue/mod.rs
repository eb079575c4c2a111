//! The bytes that wait to be sent to a client, and clients that read nothing.
//!
//! hyper asks a body for more whenever its own buffer has room, so a body never
//! learns that its client has stopped reading, or grants an HTTP/2 stream no
//! window. The bytes themselves learn it: hyper advances them as the socket takes
//! them, and drops them at their end.

mod queued;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::queued::{QueuedBody, QueuedBytes};

/// Limits the unsent bytes that the kernel buffers for a connection. It would
/// buffer megabytes otherwise, and a slow client would seem to read nothing for a
/// long time.
pub(crate) fn bound_unsent(stream: &TcpStream) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT) {
        tracing::debug!(%error, "cannot set TCP_NOTSENT_LOWAT");
    }
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = stream;
}

#[cfg(any(target_os = "android", target_os = "linux"))]
const MAX_UNSENT: u32 = 128 << 10;

/// What a connection, or one of its streams, has queued for its client.
#[derive(Clone, Debug)]
pub(crate) struct SendQueue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Pieces that are not sent completely.
    queued: usize,
    /// Bytes of them that are not sent.
    unsent: usize,
    /// The next piece is fetched when no more than this is unsent.
    few: usize,
    /// Wakes the task that waits for room.
    waiting: Option<Waker>,
    /// Requests without a response.
    in_flight: usize,
    /// When anything here changed last.
    progress: Instant,
}

impl State {
    /// Whether the server waits for the client alone.
    const fn waits(&self) -> bool {
        self.queued > 0 && self.in_flight == 0
    }
}

impl SendQueue {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            queued: 0,
            unsent: 0,
            few: 0,
            waiting: None,
            in_flight: 0,
            progress: Instant::now(),
        })))
    }

    /// Counts a request until it is answered. Its client may still be sending, which
    /// other time-outs watch.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.change(|state| state.in_flight += 1);
        InFlight(self.clone())
    }

    /// Counts the bytes of a body as queued.
    pub(crate) const fn body<B>(self, body: B) -> QueuedBody<B> {
        QueuedBody::new(body, self)
    }

    /// Waits until half of the last piece is sent, so that at most one and a half are
    /// in memory, and the next is ready in time.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll(cx, |state| state.unsent <= state.few)
    }

    /// Waits until all pieces are sent.
    pub(crate) async fn drained(&self) {
        poll_fn(|cx| self.poll(cx, |state| state.queued == 0)).await;
    }

    fn poll(&self, cx: &Context<'_>, ready: impl FnOnce(&State) -> bool) -> Poll<()> {
        let mut state = self.state();
        if ready(&state) {
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits until the client has read nothing for `limit`.
    ///
    /// Looks once in that time: nothing that begins after a look can last `limit`
    /// before the next one, and no response has to wake anybody.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let since = {
                let state = self.state();
                if state.waits() { state.progress } else { now }
            };
            if since + limit <= now {
                return;
            }
            sleep_until(since + limit).await;
        }
    }

    /// Waits until there has been nothing to answer and nothing to send for `limit`.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let idle_since = {
                let state = self.state();
                let idle = state.queued + state.in_flight == 0;
                if idle { state.progress } else { Instant::now() }
            };
            if idle_since + limit <= Instant::now() {
                return;
            }
            sleep_until(idle_since + limit).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.progress = Instant::now();
        let waiting = match state.unsent <= state.few {
            true => state.waiting.take(),
            false => None,
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as a request without a response until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(SendQueue);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.change(|state| state.in_flight -= 1);
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};
    use tokio::time::{sleep, timeout};

    use super::queued::QueuedBytes;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn piece(queue: &SendQueue) -> QueuedBytes {
        QueuedBytes::new(Bytes::from("hello"), queue.clone())
    }

    /// The time until the client is found to read nothing, if that happens.
    async fn stalls(queue: &SendQueue) -> Option<Duration> {
        let begin = Instant::now();
        let stalled = timeout(LIMIT * 100, queue.stalled(LIMIT)).await;
        stalled.is_ok().then(|| begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_nothing_to_read_never_stalls() {
        let queue = SendQueue::new();
        assert_eq!(stalls(&queue).await, None);
        drop(piece(&queue));
        assert_eq!(stalls(&queue).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_stalls_after_exactly_the_limit() {
        let queue = SendQueue::new();
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { stalls(&queue).await }
        });
        sleep(LIMIT / 2).await;
        let _piece = piece(&queue);
        assert_eq!(waiting.await.unwrap(), Some(LIMIT / 2 + LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_goes_on() {
        let queue = SendQueue::new();
        let mut piece = piece(&queue);
        let taking = async {
            while piece.has_remaining() {
                sleep(LIMIT - Duration::from_millis(1)).await;
                piece.advance(1);
            }
        };
        let (stalled, ()) = tokio::join!(stalls(&queue), taking);
        assert_eq!(
            stalled,
            Some(LIMIT * 6 - Duration::from_millis(5)),
            "nobody drops it"
        );
    }

    #[tokio::test]
    async fn the_next_piece_is_fetched_when_half_of_the_last_is_sent() {
        let queue = SendQueue::new();
        let cx = Context::from_waker(Waker::noop());
        assert!(queue.poll_room(&cx).is_ready());
        let mut piece = piece(&queue);
        piece.advance(2);
        assert!(queue.poll_room(&cx).is_pending());
        piece.advance(1);
        assert!(queue.poll_room(&cx).is_ready());
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.drained().await }
        });
        drop(piece);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_client_stalls_while_a_request_is_being_answered() {
        let queue = SendQueue::new();
        let _piece = piece(&queue);
        let in_flight = queue.in_flight();
        assert_eq!(stalls(&queue).await, None);
        drop(in_flight);
        assert_eq!(stalls(&queue).await, Some(LIMIT), "counted from then on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_idle_since_its_last_request_or_its_last_read() {
        let queue = SendQueue::new();
        let begin = Instant::now();
        let busy = async {
            sleep(LIMIT / 2).await;
            let (in_flight, piece) = (queue.in_flight(), piece(&queue));
            sleep(LIMIT * 2).await;
            drop(in_flight);
            sleep(LIMIT * 2).await;
            drop(piece);
        };
        tokio::join!(queue.idle(LIMIT), busy);
        assert_eq!(begin.elapsed(), LIMIT / 2 + LIMIT * 5);
    }
}
