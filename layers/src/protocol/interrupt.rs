use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Error;

/// Ends a request's body from outside.
///
/// The Interrupt layer puts one into each request's
/// [`Context`](crate::context::Context), and any code that holds it may fire
/// it. The first cause counts; later ones are ignored.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cause: Option<Error>,
    waker: Option<Waker>,
}

impl Interrupt {
    /// Ends the body with `cause`, unless the interrupt has fired before.
    pub fn fire(&self, cause: Error) {
        let waker = {
            let mut state = self.state();
            state.cause.get_or_insert(cause);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for the cause. Cancel safe.
    ///
    /// Only one task can wait at a time: the one that runs the request.
    pub async fn fired(&self) -> Error {
        poll_fn(|cx| self.poll_fired(cx)).await
    }

    /// Returns the cause if the interrupt has fired, for work that checks
    /// between steps.
    #[must_use]
    pub fn cause(&self) -> Option<Error> {
        self.state().cause.clone()
    }

    /// Polls for the cause, and registers the task to be woken if there is
    /// none.
    pub fn poll_fired(&self, cx: &mut Context<'_>) -> Poll<Error> {
        let mut state = self.state();
        if let Some(cause) = &state.cause {
            return Poll::Ready(cause.clone());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the mutex cannot leave the state inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_stands() {
        let interrupt = Interrupt::default();
        let waiting = tokio::spawn({
            let interrupt = interrupt.clone();
            async move { interrupt.fired().await }
        });
        tokio::task::yield_now().await;
        interrupt.fire(Error::Interrupted);
        interrupt.fire(Error::Shutdown);
        assert!(matches!(waiting.await.unwrap(), Error::Interrupted));
        assert!(matches!(interrupt.fired().await, Error::Interrupted));
    }
}
