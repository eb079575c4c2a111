//! A client that takes nothing of what it is given.
//!
//! hyper asks a body for more when there is room for it, and so a body never
//! learns that its client has stopped to read, or gives an HTTP/2 stream no
//! window. The bytes that hyper was given learn it: it moves on in them as the
//! socket takes them, and drops them at their end.

mod body;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::body::{GivenBody, Piece};

/// Bounds what the kernel holds of a connection that is not sent yet: with what
/// it takes otherwise, up to megabytes, a slow client seems to take nothing for
/// a long time.
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

/// What a connection, or a stream of one, has given to its client.
#[derive(Clone, Debug)]
pub(crate) struct Given(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The client may be what is waited for, from now on.
    waits: Notify,
}

#[derive(Debug)]
struct State {
    /// Pieces that are not taken to their end.
    pieces: usize,
    /// Bytes of them that are not taken.
    unsent: usize,
    /// So few of those that the next piece may be fetched.
    few: usize,
    /// Whoever waits until there are few.
    waiting: Option<Waker>,
    /// Requests that are not answered yet.
    requests: usize,
    /// When anything of this changed.
    moved: Instant,
}

impl State {
    /// Whether there is nothing to wait for but that the client takes something.
    const fn waits(&self) -> bool {
        self.pieces > 0 && self.requests == 0
    }
}

impl Given {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                pieces: 0,
                unsent: 0,
                few: 0,
                waiting: None,
                requests: 0,
                moved: Instant::now(),
            }),
            waits: Notify::new(),
        }))
    }

    /// A request that is being answered: its client may still be sending, and
    /// others look after that.
    pub(crate) fn answering(&self) -> Answering {
        self.change(|state| state.requests += 1);
        Answering(self.clone())
    }

    /// The same body, whose bytes count as given.
    pub(crate) const fn body<B>(self, body: B) -> GivenBody<B> {
        GivenBody::new(body, self)
    }

    /// Waits until the client has taken half of the last piece, so that no more
    /// than one and a half are in memory, and the next is there in time.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll(cx, |state| state.unsent <= state.few)
    }

    /// Waits until the client has taken all pieces.
    pub(crate) async fn taken(&self) {
        poll_fn(|cx| self.poll(cx, |state| state.pieces == 0)).await;
    }

    fn poll(&self, cx: &Context<'_>, ready: impl FnOnce(&State) -> bool) -> Poll<()> {
        let mut state = self.state();
        if ready(&state) {
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits until the client has taken nothing for as long as `limit`.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            let deadline = {
                let state = self.state();
                state.waits().then(|| state.moved + limit)
            };
            match deadline {
                None => self.0.waits.notified().await,
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => sleep_until(deadline).await,
            }
        }
    }

    /// Waits until there has been nothing to answer and nothing to take for as long as `limit`.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let idle_since = {
                let state = self.state();
                let idle = state.pieces + state.requests == 0;
                if idle { state.moved } else { Instant::now() }
            };
            if idle_since + limit <= Instant::now() {
                return;
            }
            sleep_until(idle_since + limit).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        let waited = state.waits();
        change(&mut state);
        state.moved = Instant::now();
        let waiting = match state.unsent <= state.few {
            true => state.waiting.take(),
            false => None,
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
        if state.waits() && !waited {
            self.0.waits.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave the state half changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as a request without an answer until it is dropped.
#[derive(Debug)]
pub(crate) struct Answering(Given);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.change(|state| state.requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};
    use tokio::time::{sleep, timeout};

    use super::body::Piece;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn piece(given: &Given) -> Piece {
        Piece::new(Bytes::from("hello"), given.clone())
    }

    /// How long it takes until the client is found to take nothing, if it is.
    async fn stalls(given: &Given) -> Option<Duration> {
        let begin = Instant::now();
        let stalled = timeout(LIMIT * 100, given.stalled(LIMIT)).await;
        stalled.is_ok().then(|| begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_given_nothing_takes_nothing_for_ever() {
        let given = Given::new();
        assert_eq!(stalls(&given).await, None);
        drop(piece(&given));
        assert_eq!(stalls(&given).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_found_after_exactly_the_limit() {
        let given = Given::new();
        let waiting = tokio::spawn({
            let given = given.clone();
            async move { stalls(&given).await }
        });
        sleep(LIMIT / 2).await;
        let _piece = piece(&given);
        assert_eq!(waiting.await.unwrap(), Some(LIMIT / 2 + LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_byte_now_and_then_goes_on() {
        let given = Given::new();
        let mut piece = piece(&given);
        let taking = async {
            while piece.has_remaining() {
                sleep(LIMIT - Duration::from_millis(1)).await;
                piece.advance(1);
            }
        };
        let (stalled, ()) = tokio::join!(stalls(&given), taking);
        assert_eq!(
            stalled,
            Some(LIMIT * 6 - Duration::from_millis(5)),
            "nobody drops it"
        );
    }

    #[tokio::test]
    async fn the_next_piece_is_fetched_when_half_of_the_last_is_taken() {
        let given = Given::new();
        let cx = Context::from_waker(Waker::noop());
        assert!(given.poll_room(&cx).is_ready());
        let mut piece = piece(&given);
        piece.advance(2);
        assert!(given.poll_room(&cx).is_pending());
        piece.advance(1);
        assert!(given.poll_room(&cx).is_ready());
        let waiting = tokio::spawn({
            let given = given.clone();
            async move { given.taken().await }
        });
        drop(piece);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_nobody_is_waited_for() {
        let given = Given::new();
        let _piece = piece(&given);
        let answering = given.answering();
        assert_eq!(stalls(&given).await, None);
        drop(answering);
        assert_eq!(stalls(&given).await, Some(LIMIT), "counted from then on");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_nothing_and_takes_nothing_is_idle_since_the_last_of_both() {
        let given = Given::new();
        let begin = Instant::now();
        let busy = async {
            sleep(LIMIT / 2).await;
            let (answering, piece) = (given.answering(), piece(&given));
            sleep(LIMIT * 2).await;
            drop(answering);
            sleep(LIMIT * 2).await;
            drop(piece);
        };
        tokio::join!(given.idle(LIMIT), busy);
        assert_eq!(begin.elapsed(), LIMIT / 2 + LIMIT * 5);
    }
}
